// What the overlays show and how, from a queue view and the address. Pure.

import { onAir, secondsLeft } from './queue-model.js';

/**
 * The options in an overlay's address: `size` (text height in pixels, 8 to 400), `align` (left, center, right), `max` (names
 * shown, 1 to 100), `numbers` (off leaves the places out). What makes no sense is left out.
 */
export function overlayOptions(search) {
  const query = new URLSearchParams(search);
  const whole = (name, least, most) => {
    const number = Number(query.get(name) ?? NaN);
    return Number.isInteger(number) && number >= least && number <= most ? number : null;
  };
  const align = query.get('align');
  return {
    size: whole('size', 8, 400),
    align: ['left', 'center', 'right'].includes(align) ? align : null,
    max: whole('max', 1, 100) ?? 100,
    numbers: !['off', 'false', '0'].includes(query.get('numbers') ?? ''),
  };
}

/** The lines of the queue: `{ name, isOnAir }`, head first, and how many do not fit. */
export function overlayLines(view, max) {
  const lines = view.entries.map((entry) => ({ name: entry.name, isOnAir: entry.state === 'onAir' }));
  // One line tells of the rest, so nobody is left out for being one too many.
  const shown = lines.length > max ? lines.slice(0, Math.max(1, max - 1)) : lines;
  return { lines: shown, more: lines.length - shown.length };
}

/** Seconds to show, or `null` to show nothing: nobody's picture is on, or the slot has no end. */
export function timerSeconds(view, now) {
  return onAir(view) && view.showing === 'dj' ? secondsLeft(view, now) : null;
}
