// The same requests as in loadtests/requests.py, and the same judgement of their answers.
import crypto from "k6/crypto";
import http from "k6/http";
import ws from "k6/ws";

const REASONS = { 1050: "timeout", 1212: "connection refused", 1220: "connection reset", 1310: "certificate not trusted" };
const CHAT = "/v1/chat/completions";

export function send(spec, flow, number) {
  const kind = flow.class;
  const base = spec.bases[kind];
  if (kind === "dashboard") {
    return firstMessage(spec, base);
  }
  const { method, path, body, headers, expected, streamed } = call(spec, flow, number);
  const response = http.request(method, `${base}${path}`, body, { headers, timeout: `${spec.timeout * 1000}ms` });
  const failure = wrong(response, expected, streamed);
  // k6 reads answers as a whole; the service sends nothing of a stream before its first words.
  return { failure, first: streamed && !failure ? response.timings.blocked + response.timings.connecting + response.timings.sending + response.timings.waiting : undefined };
}

function call(spec, flow, number) {
  const { keys, numbers, model, run, whatsapp } = spec.data;
  const headers = { "Content-Type": "application/json" };
  if (keys[flow.tenant]) {
    headers.Authorization = `Bearer ${keys[flow.tenant]}`;
  }
  if (spec.paths[flow.class]) {
    return { method: "GET", path: spec.paths[flow.class], body: null, headers, expected: "" };
  }
  const text = `${run}-${flow.tenant}-${number}`;
  const messages = [{ role: "user", content: text }];
  switch (flow.class) {
    case "stream":
      return post(CHAT, { model, messages, stream: true }, headers, '"finish_reason":"stop"', true);
    case "search":
      return post("/v1/memories/search", { query: text, limit: 3 }, headers, '"results":');
    case "webhook":
      return notification(text, numbers[flow.tenant], whatsapp);
    default:
      return post(CHAT, { model, messages }, headers, text);
  }
}

function post(path, document, headers, expected, streamed = false) {
  return { method: "POST", path, body: JSON.stringify(document), headers, expected, streamed };
}

function notification(text, number, secret) {
  // Each from another sender: one sender's messages are answered one after the other.
  const sender = `5511${parseInt(crypto.sha256(text, "hex").slice(0, 10), 16)}`;
  const message = { id: `wamid.${text}`, from: sender, timestamp: "0", type: "text", text: { body: text } };
  const value = { metadata: { phone_number_id: number }, messages: [message] };
  const made = post("/webhooks/whatsapp", { entry: [{ id: "1", changes: [{ field: "messages", value }] }] }, {}, "");
  made.headers = {
    "Content-Type": "application/json",
    "X-Hub-Signature-256": `sha256=${crypto.hmac("sha256", secret, made.body, "hex")}`,
  };
  return made;
}

function wrong(response, expected, streamed) {
  if (response.status === 0) {
    return REASONS[response.error_code] || unknown(response.error);
  }
  if (response.status !== 200) {
    return `status ${response.status}`;
  }
  const body = response.body || "";
  if (streamed && !body.trimEnd().endsWith("data: [DONE]")) {
    return "stream not complete";
  }
  return expected && !body.includes(expected) ? "wrong content" : "";
}

function unknown(error) {
  // Codes don't tell an answer that ends early from none.
  return error.includes("unexpected EOF") ? "truncated" : error.includes("EOF") ? "connection reset" : "malformed answer";
}

function firstMessage(spec, base) {
  let failure = "truncated";
  const params = { headers: { Authorization: `Bearer ${spec.data.dashboard}` } };
  const response = ws.connect(`${base.replace("http", "ws")}/ws/dashboard`, params, (socket) => {
    socket.on("message", (text) => {
      failure = text.includes("snapshot") ? "" : "wrong content";
      socket.close();
    });
    socket.setTimeout(() => {
      failure = "timeout";
      socket.close();
    }, spec.timeout * 1000);
  });
  return { failure: response.status === 101 ? failure : `status ${response.status}` };
}
