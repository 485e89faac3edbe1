// The script's `github` asks nobody: reading finds nothing, writing is printed. `core` and `context` are as on GitHub.
"use strict";

const fs = require("fs");

const environment = process.env;
const data = (text) => String(text).replace(/%/g, "%25").replace(/\r/g, "%0D").replace(/\n/g, "%0A");
const say = (command, text) => console.log(`::${command}::${data(text)}`);
const append = (file, text) => file && fs.appendFileSync(file, text);

function asText(value) {
  return typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value);
}

function output(name, value) {
  const end = `end-${Math.random().toString(36).slice(2)}`;
  append(environment.GITHUB_OUTPUT, `${name}<<${end}\n${asText(value)}\n${end}\n`);
}

function ask(name, parameters = {}) {
  const action = name.split(".").pop();
  const reads = /^(list|get|search|check|compare)/.test(action);
  if (!reads) {
    const { body, ...others } = parameters || {};
    say("notice title=not done here", `${name} ${JSON.stringify(others)}`);
    if (body !== undefined) console.log(body);
  }
  return Promise.resolve({ status: reads ? 200 : 201, data: action.startsWith("list") ? [] : {}, headers: {} });
}

function method(name) {
  return new Proxy(function () {}, {
    get: (_, key) => (typeof key === "symbol" || key === "then" ? undefined : method(`${name}.${String(key)}`)),
    apply: (_, __, words) => ask(name, words[0]),
  });
}

async function* pages() {
  yield { data: [] };
}

const github = {
  rest: method("github.rest"),
  graphql: (query) => ask("github.graphql", { body: query }).then((answer) => answer.data),
  request: (route, parameters) => ask(`github.request ${route}`, parameters),
  paginate: Object.assign(async () => [], { iterator: pages }),
};

const event = environment.GITHUB_EVENT_PATH ? JSON.parse(fs.readFileSync(environment.GITHUB_EVENT_PATH, "utf8")) : {};
const [owner, repo] = (environment.GITHUB_REPOSITORY || "/").split("/");
const context = {
  payload: event,
  eventName: environment.GITHUB_EVENT_NAME,
  sha: environment.GITHUB_SHA,
  ref: environment.GITHUB_REF,
  workflow: environment.GITHUB_WORKFLOW,
  action: environment.GITHUB_ACTION,
  actor: environment.GITHUB_ACTOR,
  job: environment.GITHUB_JOB,
  runId: Number(environment.GITHUB_RUN_ID || 1),
  runNumber: Number(environment.GITHUB_RUN_NUMBER || 1),
  serverUrl: environment.GITHUB_SERVER_URL,
  apiUrl: environment.GITHUB_API_URL,
  repo: { owner, repo },
  issue: { owner, repo, number: (event.issue || event.pull_request || event).number },
};

let written = "";
const summary = {
  addRaw: (text, line) => add(text + (line ? "\n" : "")),
  addEOL: () => add("\n"),
  addHeading: (text, level = 1) => add(`<h${level}>${text}</h${level}>\n`),
  addCodeBlock: (code, language = "") => add(`\n\`\`\`${language}\n${code}\n\`\`\`\n`),
  addLink: (text, address) => add(`<a href="${address}">${text}</a>\n`),
  addList: (items) => add(`<ul>${items.map((item) => `<li>${item}</li>`).join("")}</ul>\n`),
  addTable: (rows) =>
    add(`<table>${rows.map((row) => `<tr>${row.map((cell) => `<td>${cell.data ?? cell}</td>`).join("")}</tr>`).join("")}</table>\n`),
  stringify: () => written,
  async write() {
    append(environment.GITHUB_STEP_SUMMARY, written);
    written = "";
    return summary;
  },
};
function add(text) {
  written += text;
  return summary;
}

const core = {
  summary,
  info: (text) => console.log(text),
  debug: (text) => say("debug", text),
  notice: (text) => say("notice", text),
  warning: (text) => say("warning", text),
  error: (text) => say("error", text),
  setOutput: output,
  setSecret: (text) => say("add-mask", text),
  setFailed(text) {
    process.exitCode = 1;
    say("error", text instanceof Error ? text.message : text);
  },
  exportVariable(name, value) {
    environment[name] = asText(value);
    append(environment.GITHUB_ENV, `${name}=${asText(value)}\n`);
  },
  getInput: (name) => (environment[`INPUT_${name.replace(/ /g, "_").toUpperCase()}`] || "").trim(),
  startGroup: (name) => console.log(`::group::${name}`),
  endGroup: () => console.log("::endgroup::"),
};

const AsyncFunction = Object.getPrototypeOf(async function () {}).constructor;

async function main() {
  const run = new AsyncFunction("github", "octokit", "context", "core", "require", environment.SCRIPT);
  const result = await run(github, github, context, core, require);
  output("result", environment.ENCODING === "string" ? String(result) : JSON.stringify(result));
}

main().catch((error) => core.setFailed(error));
