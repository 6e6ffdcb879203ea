// The alert as a letter that reads well on a phone: subject, text and HTML. It lays a message out and adds no
// sentences. No I/O.
import type { Message } from "../../detection/alert/message.ts";
import { cut } from "../../lib/cut.ts";

/** What a person gets. */
export interface Letter {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** Maximum characters: of the subject, which is a header, and of a text. */
const maxSubject = 200;
const maxText = 4000;

/** Lays a message out. */
export function letterOf(message: Message): Letter {
  const short: Message = {
    ...message,
    reason: cut(message.reason, maxText),
    facts: message.facts.map(({ label, value }) => ({ label, value: cut(value, maxText) })),
  };
  return { subject: cut(message.title, maxSubject), text: textOf(short), html: htmlOf(short) };
}

function textOf({ title, reason, facts, links, lastWords }: Message): string {
  const width = Math.max(0, ...facts.map(({ label }) => label.length));
  return [
    title,
    "",
    reason,
    "",
    ...facts.map(({ label, value }) => `${`${label}:`.padEnd(width + 1)} ${value}`),
    ...(lastWords === undefined
      ? []
      : ["", `${lastWords.title}:`, ...lastWords.lines.map((line) => `  ${line}`)]),
    ...links.flatMap(({ text, url }) => ["", `${text}:`, url]),
    "",
  ].join("\n");
}

/** By state: its name and its colour, on which white can be read. */
const states = {
  active: { name: "Active", color: "#b3261e" },
  resolved: { name: "Resolved", color: "#1b6e3c" },
  "gave-up": { name: "Given up", color: "#6b2fa0" },
} as const;

/** Styles stand in the elements, since mail programs drop others; only the dark colours need a sheet. */
function htmlOf({ state, title, reason, facts, links, lastWords }: Message): string {
  const { name, color } = states[state];
  const rows = facts.map(({ label, value }) =>
    `<tr><td class="dim" style="padding:6px 16px 6px 0;color:#5f6368;vertical-align:top;white-space:nowrap">${
      escape(label)
    }</td><td style="padding:6px 0;vertical-align:top;word-break:break-word;overflow-wrap:anywhere">${
      escape(value)
    }</td></tr>`
  );
  const buttons = links.map(({ text, url }) =>
    `<a href="${
      escape(url)
    }" style="display:inline-block;margin:0 8px 8px 0;padding:12px 16px;border-radius:6px;background:#1a56db;color:#ffffff;text-decoration:none;font-weight:600">${
      escape(text)
    }</a>`
  );
  const log = lastWords === undefined ? "" : `
<p class="dim" style="margin:0 0 4px;font-size:15px;color:#5f6368">${escape(lastWords.title)}</p>
<pre class="log" style="margin:0 0 20px;padding:12px;border-radius:6px;background:#f1f3f4;color:#202124;font:13px/1.4 ui-monospace,Menlo,Consolas,monospace;white-space:pre-wrap;overflow-wrap:anywhere">${
    escape(lastWords.lines.join("\n"))
  }</pre>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>${escape(title)}</title>
<style>
@media (prefers-color-scheme: dark) {
  .page { background: #121212 !important; }
  .card { background: #1e1e1e !important; color: #f1f1f1 !important; }
  .log { background: #2a2a2a !important; color: #f1f1f1 !important; }
  .dim { color: #b0b3b8 !important; }
}
</style>
</head>
<body class="page" style="margin:0;padding:0;background:#f1f3f4">
<div style="display:none;max-height:0;overflow:hidden">${escape(reason)}</div>
<table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr><td align="center" style="padding:12px">
<table role="presentation" class="card" width="100%" cellpadding="0" cellspacing="0" style="max-width:600px;background:#ffffff;color:#202124;border-radius:8px;font:16px/1.45 -apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif">
<tr><td style="padding:8px 20px;background:${color};color:#ffffff;border-radius:8px 8px 0 0;font-weight:600">${name}</td></tr>
<tr><td style="padding:20px">
<h1 style="margin:0 0 12px;font-size:20px;line-height:1.3;word-break:break-word;overflow-wrap:anywhere">${
    escape(title)
  }</h1>
<p style="margin:0 0 16px;font-size:17px;word-break:break-word;overflow-wrap:anywhere">${escape(reason)}</p>
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="margin:0 0 20px;font-size:15px;line-height:1.4">
${rows.join("\n")}
</table>${log}
${buttons.join("\n")}
</td></tr>
</table>
</td></tr></table>
</body>
</html>
`;
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character]!);
}
