// What the state keeps of a loop for the page, and how it is read again.
import type { AlertContext } from "../../detection/alert/details.ts";
import type { LoopSources } from "../runtime_info.ts";
import type { CauseView, LoopView } from "../view.ts";
import type { Loop } from "./loop.ts";

/** Of an active loop the fields that the rule does not know, a resolved one as a whole. */
export type KeptLoop = KeptActive | (LoopView & { readonly context?: AlertContext | undefined });

type KeptActive = Pick<LoopView, "firstNotifiedAt" | "since"> & {
  readonly cause?: CauseView | undefined;
  readonly context?: AlertContext | undefined;
};

/** What is kept of a loop. */
export function keptOf({ view, context }: Pick<Loop, "view" | "context">): KeptLoop {
  if (view.status === "resolved") return { ...view, context };
  const { firstNotifiedAt, since, cause } = view;
  return { firstNotifiedAt, since, cause: cause ?? undefined, context };
}

/** The view and the context of a resolved loop; older versions kept fewer fields. */
export function resolvedOf(
  { context, ...view }: Extract<KeptLoop, LoopView>,
): { view: LoopView; context: AlertContext | undefined } {
  const unknown = { muted: null, severity: null, owner: null, runbook: null, cause: null };
  return { view: { ...unknown, ...view }, context };
}

/** Asks the sources about a loop; what they no longer know stays. Returns whether there is something new to keep. */
export function learn(loop: Loop, { groupOf, context }: LoopSources): boolean {
  const group = groupOf?.(loop.id);
  const asked = context?.(loop.id) ?? loop.context;
  const before = loop.view.cause;
  const cause = group === undefined ? before : causeOf(group);
  if (cause?.id !== before?.id || cause?.text !== before?.text) loop.view = { ...loop.view, cause };
  const isNew = asked !== loop.context || cause?.id !== before?.id;
  loop.context = asked;
  return isNew;
}

type Group = NonNullable<ReturnType<NonNullable<LoopSources["groupOf"]>>>;

/** A job is no cause: the loop says itself which it is of. */
function causeOf({ cause: kind, id, text }: Group): CauseView | null {
  return kind === "job" ? null : { kind, id, text };
}
