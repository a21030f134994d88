// A bitmap to draw on with soft edges, and its PNG file. Enough for a plot:
// rectangles, lines, discs and text. No dependency but the runtime's zlib.

import { crc32, deflateSync } from "node:zlib";
import { Buffer } from "node:buffer";
import { glyph, GLYPH_HEIGHT, GLYPH_WIDTH } from "./glyphs.ts";

/** Red, green and blue, 0 to 255 each. */
export type Color = readonly [number, number, number];

/** A drawing surface of `width` × `height` pixels, white at first. */
export class Canvas {
  readonly width: number;
  readonly height: number;
  /** Three bytes a pixel, row by row. */
  readonly #bytes: Uint8Array;

  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    this.#bytes = new Uint8Array(width * height * 3).fill(255);
  }

  /** Fills the pixels from (x, y) on, `width` wide and `height` high. */
  rectangle(
    x: number,
    y: number,
    width: number,
    height: number,
    color: Color,
  ): void {
    for (let row = y; row < y + height; row++) {
      for (let column = x; column < x + width; column++) {
        this.#blend(column, row, color, 1);
      }
    }
  }

  /** A disc of the given radius, see-through where `alpha` is below 1. */
  disc(x: number, y: number, radius: number, color: Color, alpha = 1): void {
    const reach = Math.ceil(radius) + 1;
    for (let row = Math.floor(y) - reach; row <= y + reach; row++) {
      for (let column = Math.floor(x) - reach; column <= x + reach; column++) {
        const distance = Math.hypot(column - x, row - y);
        this.#blend(column, row, color, alpha * within(radius - distance));
      }
    }
  }

  /** Text whose first letter's top left corner is (x, y). */
  text(x: number, y: number, text: string, color: Color, scale = 2): void {
    for (const letter of text) {
      const rows = glyph(letter);
      for (let row = 0; row < GLYPH_HEIGHT; row++) {
        for (let column = 0; column < GLYPH_WIDTH; column++) {
          if ((rows[row]! >> (GLYPH_WIDTH - 1 - column) & 1) === 0) continue;
          const left = Math.round(x) + column * scale;
          const top = Math.round(y) + row * scale;
          this.rectangle(left, top, scale, scale, color);
        }
      }
      x += (GLYPH_WIDTH + 1) * scale;
    }
  }

  /** The picture as a PNG file. */
  toPng(): Uint8Array {
    const header = Buffer.alloc(13);
    header.writeUInt32BE(this.width, 0);
    header.writeUInt32BE(this.height, 4);
    header.set([8, 2, 0, 0, 0], 8); // 8 bits each of red, green and blue.
    const stride = this.width * 3;
    const rows = Buffer.alloc(this.height * (stride + 1));
    for (let row = 0; row < this.height; row++) {
      // Each row opens with its filter: 0, the bytes as they are.
      rows.set(
        this.#bytes.subarray(row * stride, (row + 1) * stride),
        row * (stride + 1) + 1,
      );
    }
    return Buffer.concat([
      Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
      chunk("IHDR", header),
      chunk("IDAT", deflateSync(rows, { level: 9 })),
      chunk("IEND", Buffer.alloc(0)),
    ]);
  }

  /** Mixes `color` into a pixel; pixels outside the picture are ignored. */
  #blend(x: number, y: number, color: Color, alpha: number): void {
    if (x < 0 || y < 0 || x >= this.width || y >= this.height) return;
    if (alpha <= 0) return;
    const at = (y * this.width + x) * 3;
    for (let c = 0; c < 3; c++) {
      const under = this.#bytes[at + c]!;
      this.#bytes[at + c] = Math.round(under + alpha * (color[c]! - under));
    }
  }
}

/** How wide a text is, in pixels. */
export function textWidth(text: string, scale = 2): number {
  return (text.length * (GLYPH_WIDTH + 1) - 1) * scale;
}

/** 1 well inside an edge, 0 well outside, a ramp of one pixel between. */
function within(depth: number): number {
  return Math.min(Math.max(depth + 0.5, 0), 1);
}

/** A PNG chunk: length, name, content, checksum of name and content. */
function chunk(name: string, content: Uint8Array): Uint8Array {
  const named = Buffer.concat([Buffer.from(name, "latin1"), content]);
  const bytes = Buffer.alloc(named.length + 8);
  bytes.writeUInt32BE(content.length, 0);
  bytes.set(named, 4);
  bytes.writeUInt32BE(crc32(named), named.length + 4);
  return bytes;
}
