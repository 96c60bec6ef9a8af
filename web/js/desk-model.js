// What a DJ is told at the desk, in words and numbers. Pure.

import { clockFace, onAir, placeOf, secondsLeft, span } from './queue-model.js';

/** Why an entry ended, as the DJ reads it. */
const ENDINGS = {
  finished: 'You stopped streaming, and your turn ended.',
  slotOver: 'Your time was up, and the next DJ took over.',
  skipped: 'An operator ended your slot.',
  left: 'You left the queue.',
  removed: 'You were taken out of the queue, by an operator or by yourself.',
  dropped: 'Your connection was lost and did not come back in time.',
  unhealthy: 'Your slot ended because picture or sound was missing for too long.',
  banned: 'An operator banned you.',
  channelClosed: 'The channel was closed.',
};

/** A sentence for a reason of the server's; one that this page does not know is shown as it is. */
export function endingSentence(reason) {
  return ENDINGS[reason] ?? `Your turn ended (${reason}).`;
}

/** Why this DJ cannot join now and until when; `null` when nothing keeps them out. `time` writes a moment for people. */
export function keptOutSentence(view, user, time = (moment) => new Date(moment).toLocaleString()) {
  const ban = (view.banned ?? []).find((one) => one.user === user);
  if (ban) {
    const end = ban.until ? ` until ${time(ban.until)}` : '';
    return `You are banned${end}, and cannot join.${ban.reason ? ` The reason given: ${ban.reason}.` : ''} Ask an operator if you think this is wrong.`;
  }
  const block = (view.blocked ?? []).find((one) => one.user === user);
  if (!block) return null;
  if (block.rule === 'someoneElsePlayed') return 'You have just played. You can join again after somebody else has had a turn.';
  if (block.rule === 'encoderQuiet') return 'Your slot ended while your encoder kept sending. Stop it for a minute; then you can join again.';
  return block.until ? `You have just played. You can join again at ${time(block.until)}.` : 'You have just played and have to pause.';
}

/** When one's turn should come; `null` when that is not known. */
export function estimateSentence(entry, now, time = (moment) => new Date(moment).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })) {
  if (!entry?.estimatedStart || entry.state === 'onAir') return null;
  const seconds = (Date.parse(entry.estimatedStart) - now) / 1000;
  if (!Number.isFinite(seconds)) return null;
  return seconds < 30 ? 'Your turn should come any moment.' : `Your turn should come at about ${time(entry.estimatedStart)}, in ${span(seconds)}.`;
}

/** The page's title: what matters is readable on a tab. */
export function deskTitle(view, user, now) {
  const found = placeOf(view, user);
  if (!found) return 'DJ: Lineup';
  if (!found.entry.connected) return 'Dropped! · Lineup';
  if (found.place > 0) return `No. ${found.place} · Lineup`;
  const left = secondsLeft(view, now);
  return left === null ? 'ON AIR · Lineup' : `ON AIR ${clockFace(left)} · Lineup`;
}

/** What is said when so many seconds are left of one's slot; `null` when the warning is somebody else's. */
export function warningSentence(event, entry) {
  if (!entry || event.payload?.entry !== entry.id || !Number.isFinite(event.payload.seconds)) return null;
  return `${span(event.payload.seconds)} left of your slot.`;
}

/** Seconds left for the big clock: one's own slot only; `null` otherwise. */
export function ownSecondsLeft(view, user, now) {
  return onAir(view)?.user === user ? secondsLeft(view, now) : null;
}

/** Whether one can let somebody go first: waiting, with somebody behind. */
export function canStepBack(view, user) {
  const found = placeOf(view, user);
  return Boolean(found && found.place > 0 && view.entries[view.entries.length - 1] !== found.entry);
}

const HEALTH = {
  good: { word: 'Good', tone: 'good', sentence: 'Your stream arrives well.' },
  ok: { word: 'Could be better', tone: 'warm', sentence: 'Your stream arrives. This would make it better:' },
  bad: { word: 'Trouble', tone: 'air', sentence: 'Something is wrong with your stream:' },
  noData: { word: 'Nothing arrives', tone: 'dim', sentence: 'Nothing arrives from your encoder.' },
};

/** A stream's health in words: `{ word, tone, sentence, advice }`, worst advice first; `null` while nothing is known. */
export function healthWords(health) {
  const words = HEALTH[health?.status];
  if (!words) return null;
  return { ...words, advice: (health.issues ?? []).map(({ advice, severity }) => ({ text: advice, severity })) };
}

/** What is measured, as `[name, value]`; what is not known is left out. */
export function measureRows(measures) {
  if (!measures) return [];
  const round = (value, digits = 0) => Number(value.toFixed(digits)).toLocaleString();
  const rows = [
    ['Picture', measures.width && [measures.videoCodec, `${measures.width}×${measures.height}`, measures.frameRate && `${round(measures.frameRate, 1)} fps`].filter(Boolean).join(', ')],
    ['Picture bitrate', measures.videoBitsPerSecond && `${round(measures.videoBitsPerSecond / 1000)} kbit/s`],
    ['Key frame every', measures.keyFrameIntervalSeconds && `${round(measures.keyFrameIntervalSeconds, 1)} s`],
    ['Sound', measures.sampleRate && [measures.audioCodec, `${round(measures.sampleRate / 1000, 1)} kHz`, measures.channels && `${measures.channels} channels`].filter(Boolean).join(', ')],
    ['Sound bitrate', measures.audioBitsPerSecond && `${round(measures.audioBitsPerSecond / 1000)} kbit/s`],
    ['Unsteadiness of the line', Number.isFinite(measures.arrivalJitterMilliseconds) && `${round(measures.arrivalJitterMilliseconds)} ms`],
    ['Pauses of a second or more', measures.stalls > 0 && String(measures.stalls)],
  ];
  return rows.filter(([, value]) => value);
}

const QUIETEST = -60;

/** Where a level stands on the meter, 0…1. `decibels` are dBFS; `null` is silence. */
export function levelPosition(decibels) {
  if (!Number.isFinite(decibels)) return 0;
  return Math.min(1, Math.max(0, 1 - decibels / QUIETEST));
}

/** The level in a word, for eyes and screen readers; `channels` have a `peak` each. */
export function levelWord(peak, channels = []) {
  if (!Number.isFinite(peak) || peak < QUIETEST) return 'Silence';
  if (peak > -0.5) return 'Too loud: it distorts';
  const silent = channels.findIndex((channel) => !Number.isFinite(channel.peak) || channel.peak < QUIETEST);
  if (channels.length === 2 && silent >= 0) return `Only ${channelNames(2)[1 - silent]} can be heard`;
  if (peak < -30) return 'Quiet';
  return 'Good level';
}

/** One channel's peak, as it is read aloud. */
export function levelText(peak) {
  return !Number.isFinite(peak) || peak < QUIETEST ? 'silent' : `${Math.round(peak)} decibels`;
}

/** What the channels of a layout are called. */
export function channelNames(count) {
  if (count === 1) return ['mono'];
  if (count === 2) return ['left', 'right'];
  return Array.from({ length: count }, (_, index) => `channel ${index + 1}`);
}
