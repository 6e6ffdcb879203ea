// A stand-in for AWS EventBridge, which no registry has: its two actions, its limits and its faults for single entries.

/** An event that the stand-in took. */
export interface TakenEvent {
  readonly EventBusName: string;
  readonly Source: string;
  readonly DetailType: string;
  readonly Detail: string;
  readonly Resources: readonly string[];
}

/** The stand-in. */
export interface EventBridge extends AsyncDisposable {
  readonly url: string;
  readonly events: TakenEvent[];
  /** How many entries each request had. */
  readonly requests: number[];
  /** Decides what becomes of an entry: undefined takes it, a code fails it. */
  fault: (entry: TakenEvent) => string | undefined;
  /** While set, every request is refused with this name. */
  refusal: string | undefined;
}

const type = "application/x-amz-json-1.1";
const refused = (name: string, message: string, status = 400) =>
  Response.json({ __type: name, message }, { status, headers: { "content-type": type } });

/** Starts one with a bus of this name. */
export function startEventBridge(bus: string): EventBridge {
  const state = {
    events: [] as TakenEvent[],
    requests: [] as number[],
    fault: (_: TakenEvent): string | undefined => undefined,
    refusal: undefined as string | undefined,
  };
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    // A client that goes away in the middle of its request gets no answer.
    const text = await request.text().catch(() => undefined);
    if (text === undefined) return new Response();
    if (state.refusal !== undefined) return refused(state.refusal, "not authorized");
    const body = JSON.parse(text);
    switch (request.headers.get("x-amz-target")) {
      case "AWSEvents.DescribeEventBus":
        if (body.Name !== bus) {
          return refused("ResourceNotFoundException", `Event bus ${body.Name} does not exist.`);
        }
        return Response.json({ Name: bus }, { headers: { "content-type": type } });
      case "AWSEvents.PutEvents":
        return putEvents(body.Entries);
    }
    return refused("UnknownOperationException", "", 404);
  });
  const putEvents = (entries: TakenEvent[]) => {
    const size = entries.reduce((sum, entry) => sum + sizeOf(entry), 0);
    if (entries.length < 1 || entries.length > 10) return refused("ValidationException", "1 to 10 entries");
    if (size > 256 << 10) {
      return refused("ValidationException", "Total size of the entries in the request is over the limit.");
    }
    state.requests.push(entries.length);
    const results = entries.map((entry) => {
      const code = state.fault(entry) ?? codeOf(entry, bus);
      if (code !== undefined) return { ErrorCode: code, ErrorMessage: "as the test says" };
      state.events.push(entry);
      return { EventId: crypto.randomUUID() };
    });
    const FailedEntryCount = results.filter((result) => "ErrorCode" in result).length;
    return Response.json({ FailedEntryCount, Entries: results }, { headers: { "content-type": type } });
  };
  return Object.assign(state, {
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  });
}

function codeOf({ Detail, DetailType, Source, EventBusName }: TakenEvent, bus: string): string | undefined {
  if (EventBusName !== bus) return "NotAuthorizedForSourceException";
  if (!DetailType || !Source) return "InvalidArgument";
  try {
    return typeof JSON.parse(Detail) === "object" ? undefined : "MalformedDetail";
  } catch {
    return "MalformedDetail";
  }
}

/** As AWS counts it: 14 bytes for the time, and the texts. */
function sizeOf({ Source, DetailType, Detail, Resources = [] }: TakenEvent): number {
  const bytes = (text: string) => new TextEncoder().encode(text).length;
  return 14 + [Source, DetailType, Detail, ...Resources].reduce((sum, text) => sum + bytes(text), 0);
}
