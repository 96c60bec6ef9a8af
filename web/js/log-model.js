// The log's lines in words. Pure.

const ACTIONS = {
  'queue.skip': 'skipped', 'queue.remove': 'removed', 'queue.move': 'moved', 'queue.putOnAir': 'put on air', 'queue.hold': 'held',
  'queue.release': 'released', 'queue.extend': 'changed the time of', 'queue.setRemaining': 'set the time of', 'queue.ban': 'banned',
  'queue.unban': 'unbanned', 'queue.unblock': 'let in', 'queue.clear': 'cleared the queue', 'queue.emergency': 'took or gave back the output', 'channel.emergency': 'took or gave back the output',
  'queue.setOpen': 'opened or closed the queue', 'queue.set': 'changed the settings', 'queue.setSlotLength': 'set the slot length',
  'queue.setAutoAdvance': 'switched auto-advance', 'viewer.kick': 'sent away viewer',
};

const ID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/i;

/** One line: who, what, whom, and what it changed. Ids are for programs: the name beside them is told. */
export function auditWords({ actor, action, subject, before, after }) {
  const what = ACTIONS[action] ?? action;
  const who = actor?.name || actor?.kind || 'Somebody';
  const name = after?.name ?? before?.name ?? (subject && !ID.test(subject) ? subject : null);
  const change = changeOf(after);
  return `${who} ${what}${name ? ` ${name}` : ''}${change ? ` (${change})` : ''}`;
}

function changeOf(after) {
  if (after === undefined || after === null) return '';
  if (typeof after !== 'object' || Array.isArray(after)) return short(after);
  const { name, ended, place, ...rest } = after;
  // Places are counted from 0 there, and from 1 by people; how an entry ended is said by the act.
  const shown = Number.isInteger(place) ? { place: place + 1, ...rest } : rest;
  return Object.keys(shown).length === 0 ? '' : short(shown);
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
