/** Texts with a few characters put in, taken out or doubled: always the same ones. */

/** A random number generator with a seed: mulberry32. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const PIECES = [' ', '  ', '\n', '\n  ', ':', ': ', '- ', '"', "'", '[', ']', '{', '}', ',', '#', ' #', '|', '>', '&x ', '*x', '!', '%', '---\n', '? ', '${{', '}}', '\\', '1', '~', 'é'];

export function damage(texts: readonly string[], seed: number, count: number): string[] {
  const next = random(seed);
  const below = (bound: number) => Math.floor(next() * bound);
  return Array.from({ length: count }, () => {
    let text = texts[below(texts.length)] ?? '';
    for (let times = 1 + below(2); times > 0; times--) {
      const at = below(text.length + 1);
      const cut = below(3) === 0 ? 1 + below(4) : 0;
      const put = below(3) === 0 && cut > 0 ? '' : (PIECES[below(PIECES.length)] ?? '');
      text = text.slice(0, at) + put + text.slice(at + cut);
    }
    // Half of a character that takes two is no text, and half of a CR LF is no line break that anybody writes.
    return text.isWellFormed() ? text.replace(/\r(?!\n)/g, '') : '';
  });
}
