// Prints what GitHub's own parser sees in workflow files: events, jobs, needs, matrices; or its errors with their lines.
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { convertWorkflowTemplate, NoOperationTraceWriter, parseWorkflow } from "@actions/workflow-parser";

const TRY_CONVERSION = 1;

function plain(token) {
  if (token === undefined || token === null) return null;
  if (token.isScalar && token.isExpression) return token.source ?? `\${{ ${token.expression} }}`;
  if (token.templateTokenType === 1) return [...token].map(plain);
  if (token.templateTokenType === 2) return Object.fromEntries([...token].map(({ key, value }) => [plain(key), plain(value)]));
  return token.value ?? null;
}

function view(job) {
  const reusable = job.type === "reusableWorkflowJob";
  return {
    id: job.id.value,
    needs: (job.needs ?? []).map((need) => need.value),
    strategy: plain(job.strategy),
    uses: reusable ? job.ref.value : "",
    inherits: reusable ? (job["inherit-secrets"] ?? false) : false,
    services: Object.keys(plain(job.services) ?? {}),
    steps: reusable ? [] : job.steps.map((step) => ("uses" in step ? step.uses.value : "run" in step ? "run" : "other")),
  };
}

async function seen(path) {
  const file = { name: basename(path), content: readFileSync(path, "utf8") };
  try {
    const parsed = parseWorkflow(file, new NoOperationTraceWriter());
    const template = await convertWorkflowTemplate(parsed.context, parsed.value, undefined, { errorPolicy: TRY_CONVERSION });
    const errors = parsed.context.errors.getErrors();
    if (errors.length) return { errors: errors.map((error) => ({ line: error.range?.start.line ?? 0, message: error.rawMessage })) };
    return { events: Object.keys(template.events), jobs: template.jobs.map(view) };
  } catch (error) {
    return { errors: [{ line: 0, message: String(error.message) }] };
  }
}

async function main() {
  const found = {};
  for (const path of process.argv.slice(2)) found[basename(path)] = await seen(path);
  process.stdout.write(`${JSON.stringify(found, null, 1)}\n`);
}

main();
