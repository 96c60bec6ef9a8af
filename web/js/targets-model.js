// What a target's state means to whoever looks, and the forms that make and change one. Pure.

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

/** What may be added. */
export const KINDS = {
  webhook: { add: 'Add a webhook', place: { name: 'url', label: 'Address', type: 'url', hint: 'An https:// address that takes POST requests. Kept encrypted, and not shown again.' } },
  discord: { add: 'Add a Discord channel', place: { name: 'url', label: 'Webhook URL', type: 'url', hint: 'In Discord: Edit Channel → Integrations → Webhooks → Copy Webhook URL. Kept encrypted, and not shown again.' } },
  file: { add: 'Add a file', place: { name: 'file', label: 'File', maxlength: 64, hint: 'A file’s name; it stands in the folder of events.' } },
};

const TOPICS = {
  slots: 'Who is on air: one message a slot',
  headsUp: 'A word to the next DJ before their turn',
  health: 'What is wrong with the stream on air',
  queue: 'The queue was opened or closed',
};

const SENTENCES = {
  onAir: ['On air', '🔴 {dj} is on air'],
  away: ['Dropped out', '🟠 {dj} dropped out; their place is kept'],
  ended: ['The slot ended', '{dj} was on air for {minutes} min: {reason}'],
  headsUp: ['You are next', '{dj}, you are next on {channel}: about {minutes} min to go.'],
  unhealthy: ['Something is wrong', '⚠️ {dj} on air: {reason}'],
  healthyAgain: ['All fine again', '✅ {dj} on air: all fine again'],
  queueOpened: ['Queue opened', 'The queue of {channel} is open: DJs can join.'],
  queueClosed: ['Queue closed', 'The queue of {channel} is closed: nobody can join now.'],
};

/** The fields of a form that makes such a target, or changes `target`. */
export function targetFields(kind, target = null) {
  const { place } = KINDS[kind];
  const isKept = target && kind !== 'file';
  const own = { autocomplete: 'off' };
  return [
    { name: 'name', label: 'Name', maxlength: 40, value: target?.name ?? '', ...own },
    { ...place, ...own, value: kind === 'file' ? (target?.place ?? '') : '', required: !isKept, ...(isKept && { hint: 'Leave empty to keep the present one.' }) },
    ...(kind === 'discord' ? [
      ...Object.entries(TOPICS).map(([topic, label]) => ({ name: `topic-${topic}`, label, type: 'checkbox', value: target ? target.topics.includes(topic) : true })),
      ...Object.entries(SENTENCES).map(([name, [label, standard]]) => (
        { name: `sentence-${name}`, label: `Words for “${label}”`, value: target?.templates[name] ?? '', placeholder: standard, required: false, maxlength: 500, ...own })),
    ] : [
      { name: 'kinds', label: 'Events', value: (target?.kinds ?? []).join(', '), hint: 'Like onair.*, queue.*; leave empty for all.', required: false, ...own },
      ...(kind === 'webhook' ? [{ name: 'batch', label: 'Events a request, at most', type: 'number', min: 1, max: 100, value: target?.batch ?? 1 }] : []),
    ]),
    ...(target ? [{ name: 'enabled', label: 'Events are sent there', type: 'checkbox', value: target.enabled }] : []),
  ];
}

/** What such a form's values mean for the API. */
export function targetChange(kind, values) {
  const change = { name: values.name.trim() };
  const { name: place } = KINDS[kind].place;
  if (values[place].trim() !== '') change[place] = values[place].trim();
  if (kind === 'discord') {
    change.topics = Object.keys(TOPICS).filter((topic) => values[`topic-${topic}`]);
    change.templates = Object.fromEntries(
      Object.keys(SENTENCES).map((name) => [name, values[`sentence-${name}`].trim()]).filter(([, words]) => words !== ''));
  } else {
    change.kinds = values.kinds.split(',').map((word) => word.trim()).filter(Boolean);
  }
  if (kind === 'webhook') change.batch = Number(values.batch);
  if ('enabled' in values) change.enabled = values.enabled;
  return change;
}

function count(number, thing) {
  return `${number.toLocaleString('en')} ${thing}${number === 1 ? '' : 's'}`;
}

function span(milliseconds) {
  const minutes = Math.max(1, Math.round(milliseconds / 60_000));
  return minutes < 120 ? count(minutes, 'minute') : count(Math.round(minutes / 60), 'hour');
}
