// Restarts in the plain shape of nomad-firehose, read without a parser: what Go's encoder writes for its struct, in
// ASCII and without escapes. A text that differs in anything is left to the parser.

/** What a restart says, where Nomad's own policy decided it. */
export interface PlainRestart {
  readonly name: string;
  readonly allocation: string;
  readonly task: string;
  /** `TaskEvent.Time`: nineteen digits. */
  readonly time: string;
}

const text = String.raw`"[^"\\\x00-\x1f\x80-\xff]*"`;
const inText = String.raw`[^"\\\x00-\x1f\x80-\xff]`;
const wholeNumber = "-?(?:0|[1-9][0-9]*)";
const truth = "(?:true|false)";
const details = String.raw`,"Details":\{(?:${text}:${text}(?:,${text}:${text})*)?\}`;
/** Members that are of no interest, under any name but those that are. */
const others = `(?:,"(?!Type"|Time"|Details"|RestartReason")[A-Za-z]+":(?:${text}|${wholeNumber}|${truth}))*`;

/** A restart with a reason: one without was requested, or is of an old Nomad. A text matches in one way at most, so that
 * a mismatch takes linear time. */
const shape = new RegExp(
  String.raw`^\{"Name":"(${inText}+)"(?:,"NodeID":${text})?,"AllocationID":"(${inText}*)",` +
    ["DesiredStatus", "DesiredDescription", "ClientStatus", "ClientDescription", "JobID", "GroupName"]
      .map((name) => `"${name}":${text},`).join("") +
    `"TaskName":"(${inText}*)","EvalID":${text},"TaskState":${text},"TaskFailed":${truth},` +
    `"TaskStartedAt":${text},"TaskFinishedAt":${text},` +
    String.raw`"TaskEvent":\{"Type":"Restarting","Time":([12][0-9]{18})${others}(?:${details}${others})?` +
    String.raw`,"RestartReason":"${inText}+"${others}\}\}$`,
);

/** Reads the text, each of whose characters is a byte; undefined if it must be parsed. */
export function readPlainRestart(text: string): PlainRestart | undefined {
  const found = shape.exec(text);
  if (found === null) return undefined;
  const [, name, allocation, task, time] = found as unknown as readonly [
    string,
    string,
    string,
    string,
    string,
  ];
  return { name, allocation, task, time };
}
