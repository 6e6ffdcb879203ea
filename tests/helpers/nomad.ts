// A Nomad server that replays a recorded event stream, and fails in every way in which a real one, or a proxy, can.
import { Buffer } from "node:buffer";
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { brotliDecompressSync, constants, createGzip, gunzipSync } from "node:zlib";
import { ContextAnswers } from "./nomad_contexts.ts";
import { JobsOf, wholeJob } from "./nomad_jobs.ts";
import { waitFor } from "./wait_for.ts";

/** One line of the event stream. */
export interface RecordedLine {
  readonly index: number;
  readonly text: string;
  // deno-lint-ignore no-explicit-any -- Nomad's, with more fields than anyone names; numbers keep their digits
  readonly allocations: readonly any[];
  /** All of its events. */
  // deno-lint-ignore no-explicit-any
  readonly events: readonly any[];
}

/** A recorded event stream, and the list of allocations at each of its lines. */
export class Recording {
  readonly lines: readonly RecordedLine[];
  /** What Nomad says of jobs and evaluations, where the recording has these topics. */
  readonly jobs: JobsOf;
  /** By namespace and job. */
  readonly #jobTypes = new Map<string, string>();

  constructor(lines: readonly RecordedLine[]) {
    this.lines = lines;
    this.jobs = new JobsOf(lines);
    for (const { Namespace, JobID, JobType } of JSON.parse(unpacked("allocations-310s.json.gz"))) {
      this.#jobTypes.set(`${Namespace} ${parentOf(JobID)}`, JobType);
    }
  }

  /** Reads a file of the fixtures, `event-stream.ndjson.gz`. */
  static load(name: string): Recording {
    return Recording.of(unpacked(name).split("\n").filter((line) => line.length > 2));
  }

  /** Takes the lines of a stream, heartbeats left out. */
  static of(texts: readonly string[]): Recording {
    return new Recording(texts.map(readLine));
  }

  /** The same with every raft index lower by so many, as after a restore. */
  lowered(by: number): Recording {
    const indexes = /"(Index|ModifyIndex|CreateIndex|AllocModifyIndex)":([0-9]+)/g;
    return new Recording(
      this.lines.map(({ text }) =>
        readLine(text.replace(indexes, (_, key, index) => `"${key}":${Math.max(1, index - by)}`))
      ),
    );
  }

  /** The same with every time later by so much that the first event is of this time, to the second. */
  begunAt(start: Date): Recording {
    const first = Number(/"Time":(\d{10})\d{9}\b/.exec(this.lines.map(({ text }) => text).join("\n"))![1]);
    const seconds = Math.floor(start.getTime() / 1000) - first;
    const later = (date: string) => new Date(Date.parse(date) + seconds * 1000).toISOString().slice(0, 19);
    return new Recording(this.lines.map(({ text }) =>
      readLine(
        text.replace(/\b(\d{10})(\d{9})\b/g, (_, before, rest) => `${Number(before) + seconds}${rest}`)
          .replace(/"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?=[.Z])/g, (_, date) => `"${later(`${date}Z`)}`),
      )
    ));
  }

  typeOf(namespace: string, job: string): string | undefined {
    if (this.jobs.known) return this.jobs.typeOf(namespace, parentOf(job));
    return this.#jobTypes.get(`${namespace} ${parentOf(job)}`);
  }

  /** `/v1/job/<id>` where the recording has no topic Job: its groups and tasks as its allocations show them; undefined
   * where there is no such job. */
  // deno-lint-ignore no-explicit-any -- Nomad's
  jobOf(namespace: string, job: string): any {
    const Type = this.typeOf(namespace, job);
    if (Type === undefined) return undefined;
    const groups = new Map<string, Set<string>>();
    for (const allocation of this.lines.flatMap(({ allocations }) => allocations)) {
      if (allocation.Namespace !== namespace || allocation.JobID !== job) continue;
      const tasks = groups.get(allocation.TaskGroup) ?? new Set();
      groups.set(allocation.TaskGroup, tasks);
      for (const task of Object.keys(allocation.TaskStates ?? {})) tasks.add(task);
    }
    return wholeJob({
      ID: job,
      Namespace: namespace,
      Type,
      groups: [...groups].map(([Name, tasks]) => ({ Name, Tasks: [...tasks].map((Name) => ({ Name })) })),
    });
  }

  /** `/v1/allocations` when so many lines had come: what the real one answered, field for field. */
  listAfter(count: number): string {
    const state = new Map(
      this.lines.slice(0, count).flatMap(({ allocations }) => allocations).map((a) => [a.ID, a]),
    );
    const list = [...state.values()].sort((a, b) => a.ID < b.ID ? -1 : 1);
    return JSON.stringify(list.map((allocation) => ({
      ...Object.fromEntries(listed.map((field) => [field, allocation[field] ?? null])),
      JobType: this.typeOf(allocation.Namespace, allocation.JobID),
      DesiredDescription: allocation.DesiredDescription ?? "",
      ClientDescription: allocation.ClientDescription ?? "",
    })));
  }

  /** Every task event that the first so many lines show: `allocation task Type Time`. */
  events(count: number = this.lines.length): Set<string> {
    const events = new Set<string>();
    for (const { ID, TaskStates } of this.lines.slice(0, count).flatMap(({ allocations }) => allocations)) {
      for (
        const [task, { Events }] of Object.entries<{ Events: { Type: string; Time: unknown }[] }>(
          TaskStates ?? {},
        )
      ) {
        for (const { Type, Time } of Events ?? []) {
          events.add(`${ID} ${task} ${Type} ${JSON.stringify(Time)}`);
        }
      }
    }
    return events;
  }
}

/** Fields of the list that the event stream has too, in the order of `/v1/allocations`. */
const listed = [
  ...[
    "ID",
    "EvalID",
    "Name",
    "Namespace",
    "NodeID",
    "NodeName",
    "JobID",
    "JobType",
    "TaskGroup",
    "DesiredStatus",
  ],
  ...["DesiredDescription", "ClientStatus", "ClientDescription", "DesiredTransition", "TaskStates"],
  ...["DeploymentStatus", "FollowupEvalID", "RescheduleTracker", "CreateIndex", "ModifyIndex", "CreateTime"],
  "ModifyTime",
];

/** The text of a fixture. */
export function unpacked(name: string): string {
  const bytes = Deno.readFileSync(new URL(`../fixtures/${name}`, import.meta.url));
  return (name.endsWith(".br") ? brotliDecompressSync(bytes) : gunzipSync(bytes)).toString();
}

function readLine(text: string): RecordedLine {
  const { Index, Events } = JSON.parse(
    text,
    (_, value, { source }: { source?: string } = {}) =>
      typeof value === "number" && value > Number.MAX_SAFE_INTEGER ? exact(source!) : value,
  );
  const allocations = Events.map(({ Payload }: { Payload: { Allocation?: unknown } }) => Payload.Allocation)
    .filter((allocation: unknown) => allocation !== undefined);
  return { index: Index, text, allocations, events: Events };
}

const exact = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON;

function parentOf(job: string): string {
  return job.replace(/\/(periodic|dispatch)-.*$/, "");
}

/** What happens in the place of a line. */
export type Trouble =
  /** The connection is cut in the middle of the line. */
  | "cut"
  /** The answer ends well in the middle of the line. */
  | "half line"
  /** A line of garbage comes instead; the line itself comes in the next connection. */
  | "garbage"
  | "event dropped from buffer"
  | "subscription closed by server, client should resubscribe"
  /** Nothing comes any more, no heartbeat either. */
  | "stall"
  /** The answer ends well after the line before. */
  | "end"
  /** The connection is cut; before the next, so many lines come and leave the buffer. */
  | { readonly lost: number }
  /** The connection is cut, and the next requests of the stream, or of the list, are answered so. */
  | { readonly refused?: readonly WrongAnswer[]; readonly listRefused?: readonly WrongAnswer[] }
  /** The connection is cut, and the next is to a server that continues with this recording, as far as it is allowed. */
  | { readonly recording: Recording; readonly allowed?: number };

/** An answer to a request in the place of the right one. */
export interface WrongAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly text: string;
}

/** What a server is started with. */
export interface ServerOptions {
  readonly recording: Recording;
  /** By the number of the line, from 0. Each happens once. */
  readonly troubles?: Readonly<Record<number, Trouble>>;
  /** Answers to the first requests of the stream. */
  readonly refused?: readonly WrongAnswer[];
  /** Lines that may come until `allow` is called; all by default. */
  readonly lines?: number;
  /** The answer for the list of allocations; what the recording shows by default. */
  readonly list?: string;
  /** The same, packed by gzip: for lists that are larger than a string can be. */
  readonly packedList?: Uint8Array;
  /** Milliseconds between heartbeats: 50 by default. */
  readonly heartbeat?: number;
  /** Bytes that are sent at once; whole lines by default. */
  readonly piece?: number;
  /** The token that is asked for. */
  readonly token?: string;
  /** Topics that it is allowed; all by default. */
  readonly topics?: readonly string[];
  /** Answers in the place of the list of jobs, one after the other. */
  readonly jobsRefused?: readonly WrongAnswer[];
  /** Answers of `/v1/job/<id>` by `namespace/job`, made by `wholeJob`, before what the recording knows. */
  readonly definitions?: Readonly<Record<string, unknown>>;
  /** The answer of `/v1/job/<id>` for every job. */
  readonly jobRefused?: WrongAnswer;
  /** What it knows of loops beside the recording. */
  readonly contexts?: ContextAnswers;
  /** `/v1/nodes` before the first line; events of the topic Node change it. */
  readonly nodes?: readonly Readonly<Record<string, unknown>>[];
  /** PEM texts: with `ca`, clients must show a certificate. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca?: string };
  /** Path of a Unix socket to listen on. */
  readonly socket?: string;
}

/** The server. */
export class NomadServer implements AsyncDisposable {
  /** Every request, as `GET /v1/…`. */
  readonly requests: string[] = [];
  /** The headers of the last request. */
  headers: IncomingMessage["headers"] = {};
  address = "";
  token: string | undefined;
  readonly #options: ServerOptions;
  readonly #server: Server;
  readonly #troubles: Map<number, Trouble>;
  readonly #refused: WrongAnswer[];
  readonly #listRefused: WrongAnswer[] = [];
  readonly #jobsRefused: WrongAnswer[];
  /** The last refusal of a stream, and how many topics had been asked for. */
  #refusedLast: { readonly refusal: WrongAnswer; readonly topics: number } | undefined;
  #frozen: PromiseWithResolvers<void> | undefined;
  #recording: Recording;
  /** Lines that have happened, those that may, and the oldest that is still in the buffer. */
  #count = 0;
  #allowed: number;
  #oldest = 0;
  #streams = 0;
  readonly #answers = new Set<Promise<void>>();
  readonly #contexts: ContextAnswers;
  /** What `/v1/job/<id>` answers, by `namespace/job`. */
  readonly definitions: Map<string, unknown>;

  private constructor(options: ServerOptions) {
    this.#options = options;
    this.token = options.token;
    this.#contexts = options.contexts ?? new ContextAnswers();
    this.definitions = new Map(Object.entries(options.definitions ?? {}));
    this.#recording = options.recording;
    this.#troubles = new Map(
      Object.entries(options.troubles ?? {}).map(([line, trouble]) => [Number(line), trouble]),
    );
    this.#refused = [...options.refused ?? []];
    this.#jobsRefused = [...options.jobsRefused ?? []];
    this.#allowed = options.lines ?? Infinity;
    const { tls } = options;
    const answer: RequestListener = (request, response) => {
      const answering = this.#answer(request, response).finally(() => this.#answers.delete(answering));
      this.#answers.add(answering);
    };
    this.#server = tls === undefined ? createServer(answer) : createTlsServer({
      ...tls,
      requestCert: tls.ca !== undefined,
      rejectUnauthorized: tls.ca !== undefined,
    }, answer);
  }

  static async start(options: ServerOptions): Promise<NomadServer> {
    const server = new NomadServer(options);
    const { tls, socket } = options;
    const listening = Promise.withResolvers<void>();
    server.#server.once("error", listening.reject);
    if (socket === undefined) server.#server.listen(0, "127.0.0.1", listening.resolve);
    else server.#server.listen(socket, listening.resolve);
    await listening.promise;
    const { port } = server.#server.address() as AddressInfo;
    server.address = socket === undefined
      ? `${tls ? "https" : "http"}://127.0.0.1:${port}`
      : `unix://${socket}`;
    return server;
  }

  /** Lines that have happened. */
  get sent(): number {
    return this.#count;
  }

  /** Streams that are open now. */
  get streams(): number {
    return this.#streams;
  }

  /** Lets this many lines happen in all. */
  allow(lines: number): void {
    this.#allowed = lines;
  }

  /** Makes this many lines happen in all, without sending them on any stream. */
  pass(lines: number): void {
    this.#count = this.#oldest = lines;
  }

  /** Stops answering, like a process stopped by SIGSTOP. */
  freeze(): void {
    this.#frozen ??= Promise.withResolvers();
  }

  /** Continues where it was frozen. */
  thaw(): void {
    this.#frozen?.resolve();
    this.#frozen = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.thaw();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
    await Promise.allSettled(this.#answers);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, "http://nomad");
    this.requests.push(`${request.method} ${request.url}`);
    this.headers = request.headers;
    response.on("error", () => {});
    await this.#frozen?.promise;
    if (this.token !== undefined && request.headers["x-nomad-token"] !== this.token) {
      return refuse(response, { status: 403, text: "ACL token not found" });
    }
    if (this.#contexts.take(url, response, this.#recording, this.#count)) return;
    const namespace = url.searchParams.get("namespace") ?? "default";
    if (url.pathname === "/v1/event/stream") {
      const refusal = this.#refusal(url.searchParams.getAll("topic"));
      return refusal ? refuse(response, refusal) : await this.#stream(request, response, url);
    }
    if (url.pathname === "/v1/allocations") {
      const refusal = this.#listRefused.shift();
      return refusal ? refuse(response, refusal) : this.#list(request, response);
    }
    const { jobs } = this.#recording;
    if (url.pathname === "/v1/jobs") {
      const refusal = this.#jobsRefused.shift();
      if (refusal) return refuse(response, refusal);
      return void response.writeHead(200, json).end(JSON.stringify(jobs.listAfter(this.#count)));
    }
    if (url.pathname === "/v1/nodes") {
      return void response.writeHead(200, json).end(JSON.stringify(this.#nodes()));
    }
    const evaluation = /^\/v1\/evaluation\/([^/]+)$/.exec(url.pathname)?.[1];
    if (evaluation !== undefined) {
      const found = jobs.evaluationAfter(this.#count, evaluation);
      if (found === undefined) return refuse(response, { status: 404, text: "eval not found" });
      return void response.writeHead(200, json).end(JSON.stringify(found));
    }
    const job = decodeURIComponent(/^\/v1\/job\/([^/]+)$/.exec(url.pathname)?.[1] ?? "");
    const found = this.definitions.get(`${namespace}/${job}`) ??
      (jobs.known ? jobs.jobAfter(this.#count, namespace, job) : this.#recording.jobOf(namespace, job));
    if (found === undefined) return refuse(response, { status: 404, text: "job not found" });
    if (this.#options.jobRefused !== undefined) return refuse(response, this.#options.jobRefused);
    response.writeHead(200, json).end(JSON.stringify(found));
  }

  /** A token that is refused is so with fewer topics too. */
  #refusal(topics: readonly string[]): WrongAnswer | undefined {
    const last = this.#refusedLast;
    this.#refusedLast = undefined;
    if (last !== undefined && topics.length < last.topics) {
      this.#refusedLast = { refusal: last.refusal, topics: topics.length };
      return last.refusal;
    }
    const allowed = this.#options.topics;
    if (allowed !== undefined && topics.some((topic) => !allowed.includes(topic))) {
      return { status: 403, text: "Permission denied" };
    }
    const refusal = this.#refused.shift();
    if (refusal !== undefined) this.#refusedLast = { refusal, topics: topics.length };
    return refusal;
  }

  #nodes(): unknown[] {
    const nodes = new Map((this.#options.nodes ?? []).map((node) => [node.ID, node]));
    for (const { events } of this.#recording.lines.slice(0, this.#count)) {
      for (const { Topic, Type, Payload: { Node } } of events) {
        if (Topic !== "Node") continue;
        if (Type === "NodeDeregistration") nodes.delete(Node.ID);
        else nodes.set(Node.ID, Node);
      }
    }
    return [...nodes.values()];
  }

  #list(request: IncomingMessage, response: ServerResponse): void {
    const index = this.#recording.lines[this.#count - 1]?.index ?? 1;
    const headers = { ...json, "X-Nomad-Index": String(index) };
    const { packedList } = this.#options;
    if (packedList !== undefined) {
      return void response.writeHead(200, { ...headers, "Content-Encoding": "gzip" }).end(packedList);
    }
    const out = packed(request, response, headers);
    out.end(this.#options.list ?? this.#recording.listAfter(this.#count));
  }

  async #stream(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const lines = this.#recording.lines;
    const from = Number(url.searchParams.get("index") ?? 0);
    // One in the future begins with the newest.
    let next = from > (lines[this.#count - 1]?.index ?? 0)
      ? Math.max(0, this.#count - 1)
      : lines.findIndex(({ index }) => index >= from);
    next = Math.max(next, this.#oldest);
    const topics = new Set(url.searchParams.getAll("topic"));
    const out = new Sender(packed(request, response, json), response, this.#options.piece);
    this.#streams++;
    response.once("close", () => this.#streams--);
    await out.send("{}\n");
    let heartbeatAt = performance.now();
    while (!response.destroyed) {
      await this.#frozen?.promise;
      if (next < lines.length && next < this.#allowed) {
        const trouble = this.#troubles.get(next);
        this.#troubles.delete(next);
        if (trouble !== undefined) return await this.#fail(trouble, out, response, lines[next]!.text);
        this.#count = Math.max(this.#count, next + 1);
        const line = textFor(lines[next++]!, topics);
        if (line !== undefined) await out.send(line + "\n");
      } else {
        await waitFor(
          "something to send",
          () =>
            response.destroyed || (next < lines.length && next < this.#allowed) ||
            performance.now() - heartbeatAt > (this.#options.heartbeat ?? 50),
          { everyMs: 5 },
        );
        if (performance.now() - heartbeatAt <= (this.#options.heartbeat ?? 50)) continue;
        heartbeatAt = performance.now();
        if (!response.destroyed) await out.send("{}\n");
      }
    }
  }

  async #fail(trouble: Trouble, out: Sender, response: ServerResponse, line: string): Promise<void> {
    if (typeof trouble === "object") {
      if ("lost" in trouble) this.#oldest = this.#count += trouble.lost;
      else if ("recording" in trouble) {
        this.#recording = trouble.recording;
        this.#allowed = trouble.allowed ?? this.#allowed;
      } else {
        this.#refused.push(...trouble.refused ?? []);
        this.#listRefused.push(...trouble.listRefused ?? []);
      }
      response.destroy();
    } else if (trouble === "cut") {
      await out.send(line.slice(0, line.length / 2));
      response.destroy();
    } else if (trouble === "half line") {
      await out.send(line.slice(0, line.length / 2));
      out.end();
    } else if (trouble === "garbage") await out.send("<<<garbage>>>\n");
    else if (trouble === "end") out.end();
    else if (trouble !== "stall") {
      await out.send(trouble + "\n");
      out.end();
    }
  }
}

/** What a stream of these topics says of a line; undefined for nothing. */
function textFor({ index, text, events }: RecordedLine, topics: ReadonlySet<string>): string | undefined {
  const wanted = events.filter(({ Topic }) => topics.has(Topic));
  if (wanted.length === events.length) return text;
  return wanted.length === 0 ? undefined : JSON.stringify({ Index: index, Events: wanted });
}

const json = { "Content-Type": "application/json" };

function refuse(response: ServerResponse, { status, headers, text }: WrongAnswer): void {
  const type = status === 200 ? "application/json" : "text/plain; charset=utf-8";
  response.writeHead(status, { "Content-Type": type, ...headers }).end(text);
}

type Out = ReturnType<typeof createGzip> | ServerResponse;

/** Where to write the body: through gzip where that is accepted. */
function packed(request: IncomingMessage, response: ServerResponse, headers: Record<string, string>): Out {
  if (!/gzip/.test(String(request.headers["accept-encoding"]))) return response.writeHead(200, headers);
  response.writeHead(200, { ...headers, "Content-Encoding": "gzip" });
  const gzip = createGzip();
  gzip.on("error", () => {});
  gzip.pipe(response);
  return gzip;
}

/** Sends text so that it arrives, with the pace of the one who reads. */
class Sender {
  readonly #out: Out;
  readonly #response: ServerResponse;
  readonly #piece: number | undefined;

  constructor(out: Out, response: ServerResponse, piece: number | undefined) {
    this.#out = out;
    this.#response = response;
    this.#piece = piece;
  }

  async send(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    const size = this.#piece ?? bytes.length;
    for (let start = 0; start < bytes.length; start += size) {
      await new Promise<void>((resolve) => {
        if (this.#response.destroyed) return resolve();
        this.#response.once("close", resolve);
        this.#out.write(bytes.subarray(start, start + size), () => {
          this.#response.off("close", resolve);
          resolve();
        });
        if ("flush" in this.#out) this.#out.flush(constants.Z_SYNC_FLUSH);
      });
    }
  }

  end(): void {
    this.#out.end();
  }
}
