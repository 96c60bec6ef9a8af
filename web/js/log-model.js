// The log's lines in words. Pure.

const ACTIONS = {
  'queue.skip': 'skipped', 'queue.remove': 'removed', 'queue.move': 'moved', 'queue.putOnAir': 'put on air', 'queue.hold': 'held',
  'queue.release': 'released', 'queue.extend': 'changed the time of', 'queue.setRemaining': 'set the time of', 'queue.ban': 'banned',
  'queue.unban': 'unbanned', 'queue.unblock': 'let in', 'queue.clear': 'cleared the queue', 'queue.emergency': 'took or gave back the output',
  'queue.setOpen': 'opened or closed the queue', 'queue.set': 'changed the settings', 'queue.setSlotLength': 'set the slot length',
  'queue.setAutoAdvance': 'switched auto-advance', 'viewer.kick': 'sent away viewer',
};

/** One line: who, what, whom, and what it changed. */
export function auditWords({ actor, action, subject, after }) {
  const what = ACTIONS[action] ?? action;
  const who = actor?.name || actor?.kind || 'Somebody';
  const change = after === undefined || after === null ? '' : ` (${short(after)})`;
  return `${who} ${what}${subject ? ` ${subject}` : ''}${change}`;
}

const MAXIMUM = 120;

function short(value) {
  const text = typeof value === 'object'
    ? Object.entries(value).map(([name, part]) => `${name}: ${typeof part === 'object' ? JSON.stringify(part) : part}`).join(', ') : String(value);
  return text.length > MAXIMUM ? `${text.slice(0, MAXIMUM)}…` : text;
}

/** The cells of one hand-over. */
export function handoverRow(one, time = (moment) => new Date(moment).toLocaleString()) {
  return [
    time(one.onAirAt), one.from?.name ?? 'Slate', one.to?.name ?? 'Slate', one.cause ?? one.reason,
    `${number(one.videoGapFrames)} frames`, `${number(one.audioGapMilliseconds)} ms`,
  ];
}

function number(value) {
  return Number.isFinite(value) ? Number(value.toFixed(1)).toLocaleString() : '–';
}

/** A number of bytes for people. */
export function bytesText(bytes) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let [value, unit] = [bytes, 0];
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
