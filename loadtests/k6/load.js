// The load of `invoke load-test --engine k6`: when to send what comes by a private file, and for each request a line goes
// out: flow, when it was due, sent and answered, when its first byte came (ms since the begin, -1 for none), failure.
import exec from "k6/execution";
import { SharedArray } from "k6/data";
import { sleep } from "k6";
import { send } from "./requests.js";

const spec = JSON.parse(open(__ENV.OPTIMUS_LOAD_TEST));
// Of each tenant; read once for all VUs, and not by each of them.
const arrivals = spec.arrivals.map((path) => new SharedArray(path, () => JSON.parse(open(path))));
const LEAD = 500;

export const options = {
  scenarios: scenarios(),
  // Elsewhere is not what is to be loaded, and may be anybody's.
  maxRedirects: 0,
  setupTimeout: "30s",
};

function scenarios() {
  const found = {};
  arrivals.forEach((due, tenant) => {
    if (due.length > 0) {
      // As many VUs as connections share a tenant's arrivals, so that a stall makes its later ones wait, and the wait counts.
      found[`arrivals${tenant}`] = {
        executor: "shared-iterations",
        exec: "arrival",
        vus: Math.min(spec.connections, due.length),
        iterations: due.length,
        maxDuration: `${Math.ceil(spec.seconds + spec.timeout + 2)}s`,
        gracefulStop: "0s",
        env: { TENANT: String(tenant) },
      };
    }
  });
  spec.flows.forEach((flow, index) => {
    if (flow.users > 0) {
      found[`users${index}`] = {
        executor: "constant-vus",
        exec: "user",
        vus: flow.users,
        duration: `${Math.ceil(spec.seconds * 1000) + LEAD}ms`,
        gracefulStop: `${Math.ceil(spec.timeout)}s`,
        env: { FLOW: String(index) },
      };
    }
  });
  return found;
}

export function setup() {
  console.log('{"ready":true}');
  return { begin: Date.now() + LEAD };
}

export function arrival(data) {
  const [at, index, number] = arrivals[Number(__ENV.TENANT)][exec.scenario.iterationInTest];
  const wait = data.begin + at * 1000 - Date.now();
  if (wait > 0) {
    sleep(wait / 1000);
  }
  record(index, at * 1000, number, data.begin);
}

export function user(data) {
  const index = Number(__ENV.FLOW);
  const begin = Math.max(Date.now(), data.begin);
  sleep(Math.max(begin - Date.now(), 0) / 1000);
  const number = exec.vu.idInTest * 1000000 + exec.vu.iterationInScenario;
  record(index, Date.now() - data.begin, number, data.begin);
  sleep(Math.max(begin + spec.flows[index].pause * 1000 - Date.now(), 0) / 1000);
}

function record(index, due, number, begin) {
  const started = Date.now() - begin;
  const { failure, first } = send(spec, spec.flows[index], number);
  const ended = Date.now() - begin;
  const token = first === undefined ? -1 : started + first;
  console.log(JSON.stringify({ request: [index, due, started, ended, token, failure] }));
}

export function teardown() {
  console.log('{"end":true}');
}
