// How many steps expressions take on texts, counted and not timed: a backtracking matcher, as that of V8 is one, which
// runs beside it and has to agree with it. It knows as much of the syntax as the program uses.
import assert from "node:assert/strict";

/** One instruction of an expression that was compiled. */
type Instruction =
  | { readonly kind: "character"; has(code: number): boolean }
  | { readonly kind: "place"; holds(text: string, at: number): boolean }
  /** Continues at the first; if that fails, at the second. */
  | { readonly kind: "split"; first: number; second: number }
  /** Continues if the program does not match here. */
  | { readonly kind: "unless"; readonly program: readonly Instruction[] }
  | { readonly kind: "match" };

/** Counts the steps of all expressions while the work is done. */
export async function countSteps(work: () => unknown): Promise<number> {
  const { exec } = RegExp.prototype;
  let steps = 0;
  RegExp.prototype.exec = function (text) {
    const { lastIndex } = this;
    const found = exec.call(this, text);
    RegExp.prototype.exec = exec;
    const counted = run(this, String(text), this.global || this.sticky ? lastIndex : 0);
    RegExp.prototype.exec = counting;
    assert.equal(counted.at, found?.index, `${this} on a text of ${text.length} characters`);
    steps += counted.steps;
    return found;
  };
  const counting = RegExp.prototype.exec;
  try {
    await work();
  } finally {
    RegExp.prototype.exec = exec;
  }
  return steps;
}

/** Where the expression matches first, and how many steps it takes to know. */
function run(regexp: RegExp, text: string, from: number): { at: number | undefined; steps: number } {
  const program = compile(regexp);
  let steps = 0;
  const matches = (program: readonly Instruction[], start: number): boolean => {
    const open = [0, start];
    while (open.length > 0) {
      let at = open.pop()!;
      for (let next = open.pop()!;;) {
        steps++;
        const instruction = program[next++]!;
        if (instruction.kind === "match") return true;
        if (instruction.kind === "split") {
          if (instruction.second !== instruction.first) open.push(instruction.second, at);
          next = instruction.first;
        } else if (instruction.kind === "character") {
          if (at === text.length || !instruction.has(text.charCodeAt(at))) break;
          at++;
        } else if (instruction.kind === "place") {
          if (!instruction.holds(text, at)) break;
        } else if (matches(instruction.program, at)) break;
      }
    }
    return false;
  };
  // V8 tries an expression that begins with ^ once.
  const last = regexp.sticky || regexp.source.startsWith("^") ? from : text.length;
  for (let at = from; at <= last; at++) if (matches(program, at)) return { at, steps };
  return { at: undefined, steps };
}

const compiled = new Map<string, readonly Instruction[]>();

function compile(regexp: RegExp): readonly Instruction[] {
  let program = compiled.get(String(regexp));
  if (program === undefined) {
    program = [...new Compiler(regexp).alternatives(), { kind: "match" }];
    compiled.set(String(regexp), program);
  }
  return program;
}

/** Places within a part count from its beginning until the part is put somewhere. */
function moved(part: readonly Instruction[], by: number): Instruction[] {
  return part.map((one) =>
    one.kind === "split" ? { ...one, first: one.first + by, second: one.second + by } : one
  );
}

function joined(...parts: readonly (readonly Instruction[])[]): Instruction[] {
  return parts.reduce<Instruction[]>((whole, part) => [...whole, ...moved(part, whole.length)], []);
}

/** A jump over so many instructions: a split whose ways are the same. */
function over(count: number): Instruction {
  return { kind: "split", first: 1 + count, second: 1 + count };
}

class Compiler {
  readonly #source: string;
  readonly #regexp: RegExp;
  #at = 0;

  constructor(regexp: RegExp) {
    this.#regexp = regexp;
    this.#source = regexp.source;
  }

  alternatives(): Instruction[] {
    const first = this.#sequence();
    if (!this.#take("|")) return first;
    const rest = this.alternatives();
    const choice: Instruction = { kind: "split", first: 1, second: first.length + 2 };
    return joined([choice, ...moved(first, 1)], [over(rest.length)], rest);
  }

  #sequence(): Instruction[] {
    let whole: Instruction[] = [];
    while (this.#at < this.#source.length && !/[|)]/.test(this.#source[this.#at]!)) {
      whole = joined(whole, this.#quantified(this.#atom()));
    }
    return whole;
  }

  #atom(): Instruction[] {
    if (this.#take("(?!")) return [{ kind: "unless", program: [...this.#group(), { kind: "match" }] }];
    if (this.#take("(?:") || this.#take("(")) return this.#group();
    if (this.#take("^")) return [{ kind: "place", holds: (_, at) => at === 0 }];
    if (this.#take("$")) return [{ kind: "place", holds: (text, at) => at === text.length }];
    if (this.#take("\\b")) return [{ kind: "place", holds: isEdge }];
    const [written] = /^(?:\[(?:\\.|[^\]\\])*\]|\\(?:x..|u....|.)|.)/s.exec(this.#source.slice(this.#at))!;
    this.#at += written.length;
    return [this.#character(written)];
  }

  /** What is one character is left to V8: it costs one step. */
  #character(written: string): Instruction {
    const one = new RegExp(`^${written}$`, this.#regexp.flags.replace(/[gy]/g, ""));
    const known = Array.from({ length: 256 }, (_, code) => one.test(String.fromCharCode(code)));
    return { kind: "character", has: (code) => known[code] ?? one.test(String.fromCharCode(code)) };
  }

  #group(): Instruction[] {
    const inner = this.alternatives();
    assert.ok(this.#take(")"), this.#source);
    return inner;
  }

  #quantified(atom: Instruction[]): Instruction[] {
    const found = /^(?:[*+?]|\{([0-9]+)(,?)([0-9]*)\})(\??)/.exec(this.#source.slice(this.#at));
    if (found === null) return atom;
    const [written, min, comma, max, lazy] = found;
    this.#at += written.length;
    const least = min === undefined ? (written[0] === "+" ? 1 : 0) : Number(min);
    const most = min === undefined
      ? (written[0] === "?" ? 1 : Infinity)
      : Number(comma ? max || Infinity : min);
    const choice = (enter: number, leave: number): Instruction =>
      lazy ? { kind: "split", first: leave, second: enter } : { kind: "split", first: enter, second: leave };
    const optional = [choice(1, atom.length + 1), ...moved(atom, 1)];
    const loop = [
      choice(1, atom.length + 2),
      ...moved(atom, 1),
      { kind: "split", first: 0, second: 0 } as const,
    ];
    const more = most === Infinity ? [loop] : Array(most - least).fill(optional);
    return joined(...Array(least).fill(atom), ...more);
  }

  #take(word: string): boolean {
    if (!this.#source.startsWith(word, this.#at)) return false;
    this.#at += word.length;
    return true;
  }
}

function isEdge(text: string, at: number): boolean {
  const isWord = (at: number) => /\w/.test(text[at] ?? "");
  return isWord(at - 1) !== isWord(at);
}
