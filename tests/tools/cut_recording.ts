// Cuts a recording of Nomad's event stream down to what is read of it: deno run -A tests/tools/cut_recording.ts <in.gz> <out.br>
// What it leaves keeps its digits.
import { brotliCompressSync, constants, gunzipSync } from "node:zlib";

/** Fields that stay, by topic. */
const kept: Readonly<Record<string, readonly string[]>> = {
  Allocation: [
    ..."ID EvalID Name Namespace NodeID NodeName JobID TaskGroup DesiredStatus DesiredDescription ClientStatus"
      .split(" "),
    ..."ClientDescription PreviousAllocation NextAllocation FollowupEvalID TaskStates".split(" "),
    ..."CreateIndex CreateTime ModifyIndex ModifyTime".split(" "),
  ],
  Job: "ID Namespace Type Status Stop CreateIndex ModifyIndex".split(" "),
  Evaluation: "ID Namespace JobID Status TriggeredBy WaitUntil ModifyTime".split(" "),
};

const [from, to] = Deno.args;
const exact = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON;
const lines = gunzipSync(Deno.readFileSync(from!)).toString().split("\n").filter((line) => line.length > 2);
const cut = lines.map((line) =>
  JSON.parse(
    line,
    (_, value, { source }: { source?: string } = {}) =>
      typeof value === "number" && !Number.isSafeInteger(value) ? exact(source!) : value,
  )
).map(({ Index, Events }) => ({
  Index,
  Events: Events.filter(({ Topic }: { Topic: string }) => Topic in kept)
    // deno-lint-ignore no-explicit-any -- Nomad's, with more fields than anyone names
    .map(({ Topic, Type, Payload }: any) => ({
      Topic,
      Type,
      Payload: { [Topic]: pick(Topic, Payload[Topic]) },
    })),
})).filter(({ Events }) => Events.length > 0);
const text = cut.map((line) => JSON.stringify(line) + "\n").join("");
// Lines repeat what stood megabytes before them: a window that large makes it a quarter of what gzip does.
const params = { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_LGWIN]: 24 };
Deno.writeFileSync(to!, brotliCompressSync(text, { params }));

function pick(topic: string, from: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    kept[topic]!.map((name) => [name, name === "TaskStates" ? taskStates(from[name]) : from[name]])
      .filter(([, value]) => value !== undefined && value !== null && value !== ""),
  );
}

interface State {
  readonly Events?: readonly Readonly<Record<string, unknown>>[] | null;
}

/** What is empty in a task event is as if it were left out. */
function taskStates(states: unknown): unknown {
  if (!states) return undefined;
  const isEmpty = (value: unknown) => value === "" || value === 0 || value === false || value === null;
  const cutEvent = (event: Readonly<Record<string, unknown>>) =>
    Object.fromEntries(Object.entries(event).filter(([, value]) => !isEmpty(value)));
  const cutState = ({ Events, ...state }: State) => ({ ...state, Events: Events?.map(cutEvent) });
  return Object.fromEntries(
    Object.entries(states as Record<string, State>).map(([task, state]) => [task, cutState(state)]),
  );
}
