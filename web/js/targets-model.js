// What a target's state means to whoever looks. Pure.

const WORDS = {
  fine: { word: 'Fine', tone: 'good' },
  failing: { word: 'Does not answer', tone: 'warm' },
  parked: { word: 'Parked', tone: 'air' },
  off: { word: 'Off', tone: 'dim' },
};

/** `{ word, tone, notes }`: a badge, and sentences beneath it. */
export function targetStatus(target, now) {
  const { word, tone } = WORDS[target.state] ?? { word: target.state, tone: 'dim' };
  const notes = [];
  if (target.state === 'parked') notes.push(`Nothing is sent: ${target.parkedReason}.`);
  if (target.state === 'failing' && target.failingSince) {
    notes.push(`For ${span(now - Date.parse(target.failingSince))}: ${target.lastError}. It is tried again by itself.`);
  }
  if (target.waiting > 0) notes.push(`${count(target.waiting, 'event')} wait${target.waiting === 1 ? 's' : ''}.`);
  if (target.failures > 0) notes.push(`It refused ${count(target.failures, 'event')}.`);
  return { word, tone, notes };
}

/** What can be done with it: the API's names and the words on the buttons. */
export function targetActs(target) {
  const acts = [{ name: 'test', label: 'Send a test' }];
  if (target.state === 'parked') acts.push({ name: 'resume', label: 'Resume' });
  else if (target.state !== 'off') acts.push({ name: 'park', label: 'Park' });
  return acts;
}

function count(number, thing) {
  return `${number.toLocaleString('en')} ${thing}${number === 1 ? '' : 's'}`;
}

function span(milliseconds) {
  const minutes = Math.max(1, Math.round(milliseconds / 60_000));
  return minutes < 120 ? count(minutes, 'minute') : count(Math.round(minutes / 60), 'hour');
}
