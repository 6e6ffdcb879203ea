// No message costs more than in proportion to its length, whatever stands in it. Steps of expressions are counted.
import assert from "node:assert/strict";
import type { NomadClient } from "../../../src/clients/nomad/client.ts";
import { RecordedStream } from "../../../src/sources/nomad/recorded_stream.ts";
import { decodeRun } from "../../../src/detection/decode/run_event.ts";
import { JobTypes } from "../../../src/sources/nomad/jobs/job_types.ts";
import { listOf } from "../../../src/sources/nomad/stream/allocation_list.ts";
import { decode } from "../../../src/detection/decode/update.ts";
import { testLog } from "../../helpers/log.ts";
import { countSteps } from "../../helpers/regexp_steps.ts";

/** A restart in the shape of nomad-firehose up to its event, and what ends it. */
const head =
  '{"Name":"job.group[0]","NodeID":"n","AllocationID":"a","DesiredStatus":"","DesiredDescription":"",' +
  '"ClientStatus":"","ClientDescription":"","JobID":"j","GroupName":"g","TaskName":"t","EvalID":"","TaskState":"",' +
  '"TaskFailed":false,"TaskStartedAt":"","TaskFinishedAt":"","TaskEvent":{"Type":"Restarting",' +
  '"Time":1700000000000000000';
const reason = ',"RestartReason":"exit"';

/** So many times the text as have this length together. */
const filled = (length: number, text: string) => text.repeat(Math.ceil(length / text.length));
const list = (length: number, text: string) => filled(length, `${text},`).slice(0, -1);

/** Messages that grow in one place, and that no expression can be content with before their end. */
const messages: Readonly<Record<string, (length: number) => string>> = {
  "members and no reason": (length) => `${head}${filled(length, ',"A":1')}}}`,
  "members, and a cut end": (length) => `${head}${reason}${filled(length, ',"A":"b"')}}`,
  "members around a reason": (length) =>
    `${head}${filled(length, ',"A":1')}${reason}${filled(length, ',"A":true')}}`,
  "members around details": (length) =>
    `${head}${filled(length, ',"A":1')},"Details":{"a":"b"}${filled(length, ',"A":-12')}}}`,
  "many details": (length) => `${head}${filled(length, ',"Details":{}')}}}`,
  "details": (length) => `${head},"Details":{${list(length, '"a":"b"')}}}}`,
  "details without an end": (length) => `${head},"Details":{${list(length, '"a":"b"')}`,
  "a name": (length) => head.replace("job.group", filled(length, "a.[1][2]")) + "}",
  "a name of dots": (length) => head.replace("job.group[0]", filled(length, ".")) + "}}",
  "periodic children": (length) =>
    `${head}}}`.replace('"JobID":"j"', `"JobID":"${filled(length, "/periodic-1")}\\n"`),
  "a description": (length) =>
    `${head}}}`.replace(
      '"DesiredStatus":"",',
      `"DesiredStatus":"stop","DesiredDescription":"${filled(length, "alloc not ")}",`,
    ),
  "a reason": (length) => `${head},"RestartReason":"${filled(length, "x")}","B":null}}`,
  "a number": (length) => `${head},"A":${filled(length, "1")}.5}}`,
  "blanks around the time": (length) =>
    `${head}}}`.replace('"Time":', `"Time"${filled(length, " ")}:${filled(length, " ")}`),
  "times": (length) => `${head},"A":[${list(length, '{"Time":1234567890123456789}')}]}}`,
  "digits of a time": (length) =>
    `{"Name":"a","TaskEvent":{"Type":"Restarting","Time":${filled(length, "1")}}}`,
  "words of a driver": (length) =>
    `${head},"Details":{"exit_message":"${filled(length, "out of OO")}"}}}`.replace(
      "Restarting",
      "Terminated",
    ),
  "no JSON, but the name of a job": (length) => `${filled(length, "/periodic-1")}\n`,
  "a time of a start": (length) =>
    head.replace('"TaskStartedAt":""', `"TaskStartedAt":"${filled(length, "T0")}"`) + "}}",
};

const utf8 = new TextEncoder();

/** An allocation of Nomad with the text wherever a text can stand. */
function allocationAround(text: string): string {
  const word = JSON.stringify(text);
  return `{"ID":${word},"Name":${word},"Namespace":"n","JobID":${word},"DesiredStatus":"run","ModifyIndex":1,` +
    `"ModifyTime":2,"CreateTime":3,"TaskStates":{"t":{"State":"dead","Failed":true,"Restarts":1,` +
    `"StartedAt":${word},"LastRestart":${word},"Events":[{"Type":"Restarting","Time":1700000000000000000,` +
    `"Message":${word},"StartDelay":12345678901234567}]}}}`;
}

async function* bytes(text: string): AsyncIterable<Uint8Array> {
  yield utf8.encode(text);
}

/** What messages pass. */
const decoders: Readonly<Record<string, (text: string) => unknown>> = {
  "the rule restarts": (text) => decode(utf8.encode(text)),
  "the rule failures": (text) => decodeRun(utf8.encode(text)),
  "Nomad's event stream": (text) => {
    const line = `{"Index":7,"Events":[{"Topic":"Allocation","Payload":{"Allocation":${
      allocationAround(text)
    }}}]}`;
    return [...new RecordedStream().take(utf8.encode(line))];
  },
  "Nomad's list of allocations": async (text) => {
    for await (const listed of listOf(bytes(`[${allocationAround(text)}]`), "nomad", () => assert.fail())) {
      [...listed];
    }
  },
  "the name of a job": async (text) => {
    const client = { get: () => Promise.reject(new Error("no answer")) } as unknown as NomadClient;
    const allocation = JSON.parse(allocationAround(text));
    await new JobTypes(client, testLog().log).ask(allocation, new AbortController().signal);
  },
  "the log": (text) => testLog().log.info("a message: {text} {fields}", { text, fields: { text } }),
};

for (const [decoder, decoding] of Object.entries(decoders)) {
  Deno.test(`${decoder}: twice the length takes twice the steps, whatever grows in a message`, async () => {
    for (const [what, message] of Object.entries(messages)) {
      const steps: number[] = [];
      for (const length of [2_000, 4_000, 8_000]) {
        steps.push(await countSteps(() => decoding(message(length))));
      }
      const [first, second, third] = steps as [number, number, number];
      assert.ok(third - second <= 2.2 * (second - first) + 100, `${what}: ${steps.join(", ")} steps`);
    }
  });
}

Deno.test("the rules read no number of more digits than 64 bits have", () => {
  const { BigInt } = globalThis;
  const lengths: number[] = [];
  const counting = (value: string | number) => {
    lengths.push(String(value).length);
    return BigInt(value);
  };
  globalThis.BigInt = Object.assign(counting, {
    asIntN: BigInt.asIntN,
    asUintN: BigInt.asUintN,
  }) as typeof BigInt;
  try {
    for (const prefix of ["", "\\u0041"]) {
      for (const digits of ["1700000000000000000", "1".repeat(20), "1".repeat(8_000)]) {
        const text = `{"Name":"a${prefix}","TaskEvent":{"Type":"Restarting","Time":${digits}}}`;
        assert.equal(decode(utf8.encode(text)).kind, digits.length < 20 ? "restart" : "malformed");
      }
    }
  } finally {
    globalThis.BigInt = BigInt;
  }
  assert.equal(lengths.length, 2);
  assert.equal(Math.max(...lengths), 19);
});
