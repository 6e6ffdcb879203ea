// Times as text. A process has one zone, from TZ; so each zone is tried in a process of its own.
import assert from "node:assert/strict";
import { formatTime, parseTime, wallClock } from "../../src/lib/time.ts";

const least = -(1n << 63n);
const most = (1n << 63n) - 1n;
/** 2017-01-12 and 2017-07-12, a winter and a summer of the northern half. */
const january = 1_484_222_400_000_000_000n;
const july = 1_499_867_775_401_013_209n;

type Row = readonly [time: bigint, written: string];

const zones: Readonly<Record<string, readonly Row[]>> = {
  UTC: [
    [0n, "1970-01-01T00:00:00Z"],
    [1n, "1970-01-01T00:00:00.000000001Z"],
    [10n, "1970-01-01T00:00:00.00000001Z"],
    [100_000_000n, "1970-01-01T00:00:00.1Z"],
    [120_000_000n, "1970-01-01T00:00:00.12Z"],
    [999_999_999n, "1970-01-01T00:00:00.999999999Z"],
    [1_000_000_000n, "1970-01-01T00:00:01Z"],
    [1_499_867_806_677_609_000n, "2017-07-12T13:56:46.677609Z"],
    [july, "2017-07-12T13:56:15.401013209Z"],
    [9_007_199_254_740_993n, "1970-04-15T05:59:59.254740993Z"],
    [951_782_400_000_000_000n, "2000-02-29T00:00:00Z"],
    [-1n, "1969-12-31T23:59:59.999999999Z"],
    [-100_000_000n, "1969-12-31T23:59:59.9Z"],
    [-1_000_000_000n, "1969-12-31T23:59:59Z"],
    [-1_000_000_001n, "1969-12-31T23:59:58.999999999Z"],
    [least, "1677-09-21T00:12:43.145224192Z"],
    [most, "2262-04-11T23:47:16.854775807Z"],
  ],
  "Europe/Copenhagen": [
    [july, "2017-07-12T15:56:15.401013209+02:00"],
    [january, "2017-01-12T13:00:00+01:00"],
    [-1n, "1970-01-01T00:59:59.999999999+01:00"],
    // the hour that comes twice, and the one that does not come
    [1_509_235_199_999_999_999n, "2017-10-29T01:59:59.999999999+02:00"],
    [1_509_238_799_999_999_999n, "2017-10-29T02:59:59.999999999+02:00"],
    [1_509_238_800_000_000_000n, "2017-10-29T02:00:00+01:00"],
    [1_490_489_999_999_999_999n, "2017-03-26T01:59:59.999999999+01:00"],
    [1_490_490_000_000_000_000n, "2017-03-26T03:00:00+02:00"],
    [most, "2262-04-12T01:47:16.854775807+02:00"],
  ],
  "America/New_York": [
    [july, "2017-07-12T09:56:15.401013209-04:00"],
    [january, "2017-01-12T07:00:00-05:00"],
    [0n, "1969-12-31T19:00:00-05:00"],
    [most, "2262-04-11T19:47:16.854775807-04:00"],
  ],
  "Asia/Kolkata": [
    [july, "2017-07-12T19:26:15.401013209+05:30"],
    [-1n, "1970-01-01T05:29:59.999999999+05:30"],
  ],
  "Australia/Lord_Howe": [
    [july, "2017-07-13T00:26:15.401013209+10:30"],
    [january, "2017-01-12T23:00:00+11:00"],
  ],
  "America/St_Johns": [
    [july, "2017-07-12T11:26:15.401013209-02:30"],
    [january, "2017-01-12T08:30:00-03:30"],
  ],
  "Europe/London": [
    [july, "2017-07-12T14:56:15.401013209+01:00"],
    [january, "2017-01-12T12:00:00Z"],
  ],
  // as in Go: empty and unknown zones are UTC, a colon before the name is left out
  "": [[july, "2017-07-12T13:56:15.401013209Z"], [least, "1677-09-21T00:12:43.145224192Z"]],
  "Nowhere/At_All": [[july, "2017-07-12T13:56:15.401013209Z"]],
  ":Europe/Copenhagen": [[july, "2017-07-12T15:56:15.401013209+02:00"]],
};

for (const [zone, rows] of Object.entries(zones)) {
  Deno.test(`formatTime() writes what Go writes where TZ is ${JSON.stringify(zone)}`, async () => {
    assert.deepEqual(await formattedIn(zone, rows.map(([time]) => time)), rows.map(([, written]) => written));
  });
}

Deno.test("formatTime() writes the very same instant for times of every year, in zones old and new", async () => {
  const times = Array.from({ length: 586 }, (_, year) => least + BigInt(year) * 31_557_600_000_000_000n);
  for (const zone of ["UTC", "Europe/Copenhagen", "America/New_York", "Africa/Monrovia", "Europe/Dublin"]) {
    for (const [index, written] of (await formattedIn(zone, times)).entries()) {
      assert.match(written, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?(Z|[+-]\d\d:\d\d)$/);
      const wholeSecond = Date.parse(written.replace(/\.\d+/, ""));
      const fraction = (/\.(\d+)/.exec(written)?.[1] ?? "").padEnd(9, "0");
      assert.equal(BigInt(wholeSecond) * 1_000_000n + BigInt(fraction), times[index], `${zone} ${written}`);
    }
  }
});

Deno.test("parseTime() reads what formatTime() writes, in every zone", () => {
  for (const rows of Object.values(zones)) {
    for (const [time, written] of rows) assert.equal(parseTime(written), time, written);
  }
});

const parsed: readonly (readonly [text: string, time: bigint | undefined])[] = [
  ["2026-11-24T03:31:55.125615555Z", 1_795_491_115_125_615_555n],
  ["2026-11-24T04:31:55.1+01:00", 1_795_491_115_100_000_000n],
  ["2026-11-23T22:01:55-05:30", 1_795_491_115_000_000_000n],
  ["0001-01-01T00:00:00Z", -62_135_596_800_000_000_000n],
  ["9999-12-31T23:59:59.999999999Z", 253_402_300_799_999_999_999n],
  ["", undefined],
  ["2026-11-24", undefined],
  ["2026-11-24T03:31:55", undefined],
  ["2026-11-24T03:31Z", undefined],
  ["2026-11-24 03:31:55Z", undefined],
  ["2026-13-24T03:31:55Z", undefined],
  ["2026-11-24T25:31:55Z", undefined],
  ["2026-11-24T03:31:60Z", undefined],
  ["2026-11-24T03:31:55.Z", undefined],
  ["2026-11-24T03:31:55.1234567890Z", undefined],
  ["2026-11-24T03:31:55+0100", undefined],
  [" 2026-11-24T03:31:55Z", undefined],
  ["2026-11-24T03:31:55Z\n", undefined],
];

Deno.test("parseTime() reads RFC 3339 to the nanosecond, and nothing else", () => {
  for (const [text, time] of parsed) assert.equal(parseTime(text), time, text);
});

Deno.test("wallClock() says the time of the wall in nanoseconds", () => {
  const before = BigInt(Date.now()) * 1_000_000n;
  const now = wallClock();
  const after = BigInt(Date.now()) * 1_000_000n;
  assert.ok(before <= now && now <= after);
});

/** What `formatTime` writes in a process whose TZ is this. */
async function formattedIn(zone: string, times: readonly bigint[]): Promise<string[]> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", new URL(import.meta.url).pathname, ...times.map(String)],
    env: { TZ: zone },
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

if (import.meta.main) {
  const written = JSON.stringify(Deno.args.map((time) => formatTime(BigInt(time))));
  Deno.stdout.writeSync(new TextEncoder().encode(written));
}
