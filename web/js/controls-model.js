// When the player's controls are seen, and what keys and fingers do to it. Pure.

/** Without a pointer, a finger or a key for so long, the controls leave the picture alone. */
export const IDLE_MILLISECONDS = 3000;

/** `restMilliseconds` since somebody last did something; `hasKeyboardFocus`: a control is where the keyboard stands. */
export function isIdle({ phase, restMilliseconds, hasKeyboardFocus }) {
  return phase === 'playing' && restMilliseconds >= IDLE_MILLISECONDS && !hasKeyboardFocus;
}

/** What a click on the picture does: `toggle` (play or pause), or `show` (the controls), where a finger cannot hover. */
export function clickAct({ pointerType, wasIdle }) {
  return pointerType === 'touch' && wasIdle ? 'show' : 'toggle';
}

/**
 * What a key does to the player: `toggle`, `mute`, `fullscreen`, or nothing. Not while somebody types or presses a button, and only where
 * the keyboard stands in the player (`isInPlayer`) or nowhere (on `BODY`), so that who speaks to the page does not press keys (WCAG 2.1.4).
 */
export function keyAct({ key, tag, isModified, isInPlayer }) {
  if (isModified || !(isInPlayer || tag === 'BODY') || ['INPUT', 'TEXTAREA', 'SELECT'].includes(tag)) return null;
  if (key === ' ') return ['BUTTON', 'A', 'SUMMARY'].includes(tag) ? null : 'toggle';
  return { k: 'toggle', m: 'mute', f: 'fullscreen' }[key.toLowerCase()] ?? null;
}
