// Makes a screenshot small: a PNG with a palette in the place of three bytes for each pixel.

import { Buffer } from "node:buffer";
import { crc32, deflateSync } from "node:zlib";
import type { Page } from "puppeteer-core";

/** A picture of what the page shows, in the 256 colours that it has most of. */
export async function smallPng(page: Page): Promise<Uint8Array> {
  const screenshot = await page.screenshot({ encoding: "base64" });
  const { width, height, pixels } = await page.evaluate(decode(screenshot)) as Picture;
  const rgba = Buffer.from(pixels, "base64");
  const colours = Array.from({ length: width * height }, (_, at) => rgba.readUInt32BE(at * 4) >>> 8);
  const counts = new Map<number, number>();
  for (const colour of colours) counts.set(colour, (counts.get(colour) ?? 0) + 1);
  const byCount = [...counts].sort(([, a], [, b]) => b - a).map(([colour]) => colour);
  const palette = byCount.slice(0, 256);
  const indices = new Map(
    byCount.map((colour, index) => [colour, index < 256 ? index : nearest(palette, colour)]),
  );
  const rows = Buffer.alloc(height * (width + 1)); // each row begins with its filter, which is none
  for (const [at, colour] of colours.entries()) rows[at + Math.floor(at / width) + 1] = indices.get(colour)!;
  return encode(width, height, palette, rows);
}

interface Picture {
  readonly width: number;
  readonly height: number;
  readonly pixels: string;
}

/** An expression that has the browser decode a PNG. */
const decode = (png: string) =>
  `(async () => {
  const image = new Image();
  image.src = "data:image/png;base64,${png}";
  await image.decode();
  const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
  canvas.drawImage(image, 0, 0);
  const { data, width, height } = canvas.getImageData(0, 0, image.width, image.height);
  return { width, height, pixels: new Uint8Array(data.buffer).toBase64() };
})()`;

/** The index of the colour of the palette that is most like it. */
function nearest(palette: readonly number[], colour: number): number {
  const apart = (other: number) =>
    [16, 8, 0].reduce((sum, shift) => sum + ((colour >> shift & 255) - (other >> shift & 255)) ** 2, 0);
  return palette.reduce((best, other, index) => apart(other) < apart(palette[best]!) ? index : best, 0);
}

/** PNG, third edition, 11.2: IHDR, PLTE, IDAT and IEND. */
function encode(width: number, height: number, palette: number[], rows: Buffer): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3], 8); // eight bits a pixel, of a palette
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    chunk("IHDR", header),
    chunk("PLTE", Buffer.from(palette.flatMap((colour) => [colour >> 16, colour >> 8 & 255, colour & 255]))),
    chunk("IDAT", deflateSync(rows, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const framed = Buffer.alloc(typed.length + 8);
  framed.writeUInt32BE(data.length, 0);
  framed.set(typed, 4);
  framed.writeUInt32BE(crc32(typed), typed.length + 4);
  return framed;
}
