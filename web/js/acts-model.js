// What an operator can do with the queue as it is now. Pure.
//
// An act is `{ key, act, body, label, title, tone?, confirm? }`: `key` is its button's name across drawings, `act` and `body` go
// to the server. What adds up or depends on the order carries the version that was seen, so that two people at two pages
// cannot do it twice or undo each other unseen; the others name their entry and may be repeated.

import { onAir, waiting } from './queue-model.js';

const STEP_SECONDS = 300;

/** Acts on whoever is on air, or none. */
export function stageActs(view) {
  const entry = onAir(view);
  if (!entry) return [];
  const acts = [];
  if (entry.remainingSeconds !== undefined && entry.remainingSeconds !== null) {
    acts.push(extend(view, entry, STEP_SECONDS, '+5 min'), extend(view, entry, -STEP_SECONDS, '−5 min'));
  }
  acts.push({
    key: 'skip', act: 'skip', body: { entry: entry.id }, label: `Skip ${entry.name}`, tone: 'danger', title: `End the slot of ${entry.name}`,
    confirm: `The slot of ${entry.name} ends now, and the next DJ who is ready goes on air.`,
  }, ban(entry));
  return acts;
}

/** Acts on one who waits. */
export function waitingActs(view, entry) {
  const { id, name } = entry;
  const line = waiting(view);
  const place = line.findIndex((candidate) => candidate.id === id) + 1;
  const acts = [];
  if (place > 1) acts.push(move(view, entry, place - 1, 'Up'));
  if (place > 0 && place < line.length) acts.push(move(view, entry, place + 1, 'Down'));
  acts.push(
    {
      key: `${id}-air`, act: 'put-on-air', body: { entry: id, version: view.version }, label: 'Put on air', title: `Put ${name} on air`,
      confirm: airWarning(view, entry),
    },
    entry.held
      ? { key: `${id}-hold`, act: 'release', body: { entry: id }, label: 'Release', title: `Let ${name} have a turn again` }
      : { key: `${id}-hold`, act: 'hold', body: { entry: id }, label: 'Hold', title: `Pass ${name} over until released` },
    {
      key: `${id}-remove`, act: 'remove', body: { entry: id }, label: 'Remove', tone: 'danger', title: `Take ${name} out of the queue`,
      confirm: `${name} loses the place and is disconnected. They may queue again.`,
    },
    ban(entry));
  return acts;
}

/** Acts on the queue as a whole. */
export function queueActs(view) {
  const count = waiting(view).length;
  return [
    view.isOpen
      ? { key: 'door', act: 'close', body: {}, label: 'Close the queue', title: 'Let nobody join; those in the queue keep their places' }
      : { key: 'door', act: 'open', body: {}, label: 'Open the queue', title: 'Let DJs join' },
    view.settings?.autoAdvance !== false
      ? { key: 'auto', act: 'auto-advance', body: { enabled: false }, label: 'Stop taking the next DJ by itself', title: 'After a slot the slate shows until you put somebody on air' }
      : { key: 'auto', act: 'auto-advance', body: { enabled: true }, label: 'Take the next DJ by itself', title: 'The next DJ who is ready goes on air without you' },
    ...(count === 0 ? [] : [{
      key: 'clear', act: 'clear', body: { version: view.version }, label: 'Clear the queue', tone: 'danger', title: 'Take everybody who waits out of the queue',
      confirm: `${count === 1 ? 'The DJ who waits loses the place and is' : `All ${count} DJs who wait lose their places and are`} disconnected. Whoever is on air stays. They may queue again.`,
    }]),
  ];
}

/** Acts on the output itself, whoever is on air; the queue stays as it is. */
export function outputActs(view) {
  const acts = {
    slate: {
      key: 'slate', act: 'emergency', body: { state: 'slate' }, label: 'Slate now', tone: 'danger', title: 'Show the slate at once, whoever is on air',
      confirm: 'Viewers see the slate at once, and nobody’s picture or sound, until you give the output back.',
    },
    mute: { key: 'mute', act: 'emergency', body: { state: 'mute' }, label: 'Mute', tone: 'danger', title: 'Take the sound away; the picture goes on' },
    off: { key: 'back', act: 'emergency', body: { state: 'off' }, label: 'Back to the queue', title: 'Give the output back to the queue' },
  };
  if (view.emergency === 'slate') return [acts.off, acts.mute];
  if (view.emergency === 'mute') return [acts.off, acts.slate];
  return [acts.slate, acts.mute];
}

/** Who is kept out: `{ name, words, act }`, where `act` lets them in again. */
export function keptOutActs(view) {
  const until = (moment) => (moment ? `until ${new Date(moment).toLocaleString()}` : '');
  const banned = (view.banned ?? []).map(({ user, name, until: end, reason }) => ({
    name: name ?? user, words: ['banned', until(end), reason && `(${reason})`].filter(Boolean).join(' '),
    act: { key: `${user}-unban`, act: 'unban', body: { user }, label: 'Unban', title: `Let ${name ?? 'this person'} join again` },
  }));
  const rules = { until: 'pauses', someoneElsePlayed: 'pauses until somebody else has played', encoderQuiet: 'pauses until their encoder is quiet' };
  const blocked = (view.blocked ?? []).map(({ user, name, rule, until: end }) => ({
    name, words: [rules[rule] ?? 'pauses', until(end)].filter(Boolean).join(' '),
    act: { key: `${user}-unblock`, act: 'unblock', body: { user }, label: 'Let in', title: `Let ${name} join again at once` },
  }));
  return [...banned, ...blocked];
}

function ban({ id, name }) {
  return {
    key: `${id}-ban`, act: 'ban', body: { entry: id }, label: 'Ban', tone: 'danger', title: `Ban ${name}`,
    confirm: `${name} is disconnected at once and cannot join again until unbanned, below the settings.`,
  };
}

/** A move to `place` (1 is the first), as an act; `null` when the entry is gone or is there already. */
export function moveAct(view, id, place) {
  const line = waiting(view);
  const from = line.findIndex((candidate) => candidate.id === id) + 1;
  const to = Math.min(Math.max(place, 1), line.length);
  if (from === 0 || from === to) return null;
  return move(view, line[from - 1], to, 'Move');
}

/** What putting this one on air does to others; nothing to ask when it does nothing to them. */
function airWarning(view, entry) {
  const present = onAir(view);
  if (entry.connected && entry.ready) return present ? `The slot of ${present.name} ends now, and ${entry.name} goes on air.` : undefined;
  const meanwhile = present ? `${present.name} stays on air until then` : 'The slate shows until then';
  return `${entry.name} is not ready yet. ${meanwhile}, for at most 30 s; then the ordinary order goes on.`;
}

/** What is said when an act was refused: a sentence, and the queue to show if the answer held one. */
export function refusal(error) {
  if (error.slug === 'queue-moved') {
    return { text: 'Somebody else changed the queue first, so nothing was done. This is how it is now.', queue: error.queue ?? null };
  }
  return { text: error.message, queue: error.queue ?? null };
}

function extend(view, entry, seconds, label) {
  const words = seconds > 0 ? 'more for' : 'less for';
  return {
    key: seconds > 0 ? 'longer' : 'shorter', act: 'extend', body: { entry: entry.id, seconds, version: view.version }, label,
    title: `Five minutes ${words} ${entry.name}`,
  };
}

function move(view, entry, position, label) {
  return {
    key: `${entry.id}-${label}`, act: 'move', body: { entry: entry.id, position, version: view.version }, label,
    title: `Move ${entry.name} to place ${position}`,
  };
}
