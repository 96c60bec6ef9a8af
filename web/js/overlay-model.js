// What the overlays show and how, from a queue view and the address. Pure.

import { onAir, secondsLeft } from './queue-model.js';

/** A colour that is safe to hand to the style: `#rgb` to `#rrggbbaa`, the same without `#`, or a name. */
const COLOUR = /^(#?(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})|[a-z]{3,24})$/i;
/** A font family's name: letters, digits, blanks, hyphens. */
const FONT = /^[\p{L}\p{N} -]{1,60}$/u;
const HEX = /^(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})$/i;

/**
 * The options in an overlay's address: `size` (text height in pixels, 8 to 400), `align` (left, center, right), `max` (names
 * shown, 1 to 100), `numbers` (off leaves the places out), `colour` and `accent` (a colour), `font` (a family's name), `weight` (100 to
 * 900), `shadow` (off), `label` (off leaves words like “Next” out), `channel`. What makes no sense is left out.
 */
export function overlayOptions(search) {
  const query = new URLSearchParams(search);
  const whole = (name, least, most) => {
    const number = Number(query.get(name) ?? NaN);
    return Number.isInteger(number) && number >= least && number <= most ? number : null;
  };
  const colour = (...names) => {
    const text = names.map((name) => query.get(name)).find(Boolean) ?? '';
    if (!COLOUR.test(text)) return null;
    return HEX.test(text) ? `#${text}` : text;
  };
  const isOff = (name) => ['off', 'false', '0'].includes(query.get(name) ?? '');
  const align = query.get('align');
  const font = query.get('font') ?? '';
  const channel = query.get('channel') ?? '';
  return {
    channel: /^[a-z0-9-]{1,64}$/.test(channel) ? channel : 'main',
    colour: colour('colour', 'color'),
    accent: colour('accent'),
    font: FONT.test(font) ? font : null,
    weight: whole('weight', 100, 900),
    shadow: !isOff('shadow'),
    label: !isOff('label'),
    size: whole('size', 8, 400),
    align: ['left', 'center', 'right'].includes(align) ? align : null,
    max: whole('max', 1, 100) ?? 100,
    numbers: !isOff('numbers'),
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

/** The name on air, or `null` while the picture is nobody's. */
export function nowName(view) {
  return view.showing === 'dj' ? onAir(view)?.name ?? null : null;
}

/** The name of who plays next: the first who is ready, else the first who waits; `null` when nobody does. */
export function nextName(view) {
  const line = view.entries.filter((entry) => entry.state === 'waiting');
  return (line.find((entry) => entry.ready) ?? line[0])?.name ?? null;
}
