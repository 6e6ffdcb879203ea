// A message as Slack's Block Kit lays it out, within Slack's limits. It writes no sentence of its own.
import type { Fact, Link, Message } from "../../detection/alert/message.ts";
import { cut, cutFront, fitting } from "../../lib/cut.ts";

/** What chat.postMessage, chat.update and incoming webhooks take of a message. */
export interface Layout {
  /** For notifications and where blocks are not shown. */
  readonly text: string;
  readonly blocks: readonly unknown[];
  /** Blocks beside a bar in the colour of the state. */
  readonly attachments: readonly unknown[];
}

/** Slack's words for a layout that it does not take: the message then goes as its text alone. */
export const layoutRefusals: ReadonlySet<string> = new Set([
  "invalid_blocks",
  "invalid_blocks_format",
  "msg_blocks_too_long",
  "invalid_attachments",
  "too_many_attachments",
]);
/** The text alone: a plain message is better than none. */
export const withoutLayout = { blocks: [], attachments: [] };

/** Slack's limits, in characters. */
const maxHeader = 150;
const maxFields = 10;
/** What is longer has the whole width, and not one of two columns. */
const maxColumn = 100;
const maxButtonText = 75;
const maxUrl = 3000;
/** Slack refuses a message (msg_blocks_too_long) whose blocks have about 13,200 in sum. */
const maxBytes = 12_800;
/** Characters of a text: the first by which the message fits is taken. A section takes 3,000, a field 2,000. */
const limits = [2000, 1000, 500, 200, 100];

const looks = {
  active: { sign: "🟠", color: "#ecb22e" },
  "gave-up": { sign: "🔴", color: "#e01e5a" },
  resolved: { sign: "🟢", color: "#2eb67d" },
};

/** The whole message. */
export function layoutOf(message: Message): Layout {
  return fitting(
    (limit) => {
      const { text, blocks } = headed(message, limit);
      return {
        text,
        blocks: [...blocks, ...lastLines(message, limit)],
        attachments: [{ color: looks[message.state].color, blocks: details(message, limit) }],
      };
    },
    limits,
    maxBytes,
  );
}

/** What a thread says of the end of its loop, whose first message has the rest. */
export function replyOf(message: Message): Layout {
  return fitting((limit) => ({ ...headed(message, limit), attachments: [] }), limits, maxBytes);
}

function headed({ title, reason, state }: Message, limit: number): Pick<Layout, "text" | "blocks"> {
  const headline = `${looks[state].sign} ${title}`;
  const whole = headline.length <= maxHeader ? [] : [section(plainText(cut(title, limit)))];
  return {
    text: escape(cut(`${headline}: ${reason}`, limit)),
    blocks: [
      { type: "header", text: plainText(cut(headline, maxHeader)) },
      ...whole,
      section(plainText(cut(reason, limit))),
    ],
  };
}

function details({ facts, links }: Message, limit: number): unknown[] {
  const blocks: unknown[] = [];
  const isShort = ({ value }: Fact) => value.length <= maxColumn;
  const short = facts.filter(isShort);
  for (let from = 0; from < short.length; from += maxFields) {
    blocks.push({
      type: "section",
      fields: short.slice(from, from + maxFields).map((fact) => field(fact, limit)),
    });
  }
  for (const fact of facts) if (!isShort(fact)) blocks.push(section(field(fact, limit)));
  const buttons = links.filter(({ url }) => url.length <= Math.min(maxUrl, limit)).map(button);
  if (buttons.length > 0) blocks.push({ type: "actions", elements: buttons });
  return blocks;
}

/** The newest of what the task wrote last, preformatted: it is no markup there. */
function lastLines({ lastWords }: Message, limit: number): unknown[] {
  if (lastWords === undefined) return [];
  const text = cutFront(lastWords.lines.join("\n"), limit);
  return [
    section(plainText(lastWords.title)),
    { type: "rich_text", elements: [{ type: "rich_text_preformatted", elements: [{ type: "text", text }] }] },
  ];
}

function section(text: unknown): unknown {
  return { type: "section", text };
}

/** Emoji stay as they are written: a job can be named `:fire:`. */
function plainText(text: string): unknown {
  return { type: "plain_text", text, emoji: false };
}

/** Escaping makes a text at most five times as long. */
function field({ label, value }: Fact, limit: number): unknown {
  const text = `*${escape(label)}*\n${escape(cut(value, Math.min(limit, 350)))}`;
  return { type: "mrkdwn", text, verbatim: true };
}

function button({ text, url }: Link, index: number): unknown {
  return { type: "button", action_id: `link-${index}`, text: plainText(cut(text, maxButtonText)), url };
}

/** The three characters that Slack's mrkdwn gives a meaning. */
function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
