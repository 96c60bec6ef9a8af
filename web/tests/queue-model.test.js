import assert from 'node:assert/strict';
import test from 'node:test';

import {
  ServerClock, clockFace, onAir, placeOf, placeSentence, secondsLeft, slotUsed, span, status, unhealthySentence, unwrittenSentence,
} from '../js/queue-model.js';

const AT = '2026-11-21T20:00:00.000Z';
const now = Date.parse(AT);

function entry(name, changes = {}) {
  return { id: name, user: `user-${name}`, name, state: 'waiting', connected: true, ready: true, missing: [], joinedAt: AT, ...changes };
}

function view(entries, changes = {}) {
  return { channel: 'main', version: 1, at: AT, showing: 'dj', isOpen: true, slotSeconds: 600, entries, ...changes };
}

test('finds who is on air, or nobody', () => {
  assert.equal(onAir(view([])), null);
  assert.equal(onAir(view([entry('a', { state: 'onAir' }), entry('b')])).name, 'a');
});

test('time left counts down from the moment the view was true', () => {
  const shown = view([entry('a', { state: 'onAir', remainingSeconds: 90 })]);
  assert.equal(secondsLeft(shown, now), 90);
  assert.equal(secondsLeft(shown, now + 30000), 60);
  assert.equal(secondsLeft(shown, now + 500000), 0);
  assert.equal(secondsLeft(shown, now - 5000), 90);
});

test('time left stands still while the slate is shown', () => {
  const shown = view([entry('a', { state: 'onAir', remainingSeconds: 90 })], { showing: 'slate' });
  assert.equal(secondsLeft(shown, now + 30000), 90);
});

test('an unlimited slot has no time left and no bar', () => {
  const shown = view([entry('a', { state: 'onAir' })], { slotSeconds: null });
  assert.equal(secondsLeft(shown, now), null);
  assert.equal(slotUsed(shown, now), null);
});

test('the used part of a slot is between 0 and 1', () => {
  const shown = view([entry('a', { state: 'onAir', remainingSeconds: 150 })]);
  assert.equal(slotUsed(shown, now), 0.75);
  assert.equal(slotUsed(view([entry('a', { state: 'onAir', remainingSeconds: 900 })]), now), 0);
  assert.equal(slotUsed(shown, now + 1e9), 1);
});

test('the freshest view sets the server clock', () => {
  const clock = new ServerClock();
  assert.equal(clock.time(1000), 1000);
  clock.saw(AT, now + 70000);
  clock.saw(AT, now + 60050);
  clock.saw(AT, now + 90000);
  assert.equal(clock.time(now + 100000), now + 39950);
  clock.saw('nonsense', now);
  assert.equal(clock.time(now + 100000), now + 39950);
});

test('each state has a word, not a colour alone', () => {
  assert.equal(status(entry('a', { state: 'onAir' }), now).word, 'ON AIR');
  assert.equal(status(entry('a'), now).word, 'Ready');
  const lacking = status(entry('a', { ready: false, missing: ['No picture yet.', 'No sound yet.'] }), now);
  assert.deepEqual([lacking.word, lacking.note], ['Not ready', 'No picture yet. No sound yet.']);
  const dropped = status(entry('a', { connected: false, graceUntil: '2026-11-21T20:01:30.000Z' }), now);
  assert.deepEqual([dropped.word, dropped.note], ['Dropped', 'Connection lost; the place is kept for 2 min.']);
});

test('a DJ is told the place in words', () => {
  const shown = view([entry('a', { state: 'onAir' }), entry('b'), entry('c', { ready: false, missing: ['x'] })]);
  assert.equal(placeSentence(shown, 'user-a'), 'You are on air.');
  assert.equal(placeSentence(shown, 'user-b'), 'You are next.');
  assert.equal(placeSentence(shown, 'user-c'), 'You are number 2 in the queue, but not ready to go on air yet.');
  assert.match(placeSentence(shown, 'user-z'), /^You are not in the queue\. Start/);
  assert.match(placeSentence(view([], { isOpen: false }), 'user-z'), /closed/);
  assert.match(placeSentence(view([entry('a', { connected: false })]), 'user-a'), /dropped/);
});

test('places start at 1 behind the one on air, and at 1 with nobody on air', () => {
  assert.equal(placeOf(view([entry('a'), entry('b')]), 'user-b').place, 2);
  assert.equal(placeOf(view([entry('a', { state: 'onAir' }), entry('b')]), 'user-b').place, 1);
  assert.equal(placeOf(view([]), 'user-b'), null);
});

test('spans read as people say them', () => {
  assert.deepEqual([0, 7, 75, 3600, 3723].map(clockFace), ['0:00', '0:07', '1:15', '1:00:00', '1:02:03']);
  assert.equal(clockFace(-3), '0:00');
  assert.deepEqual([5, 60, 90, 3600, 4800].map(span), ['5 s', '1 min', '2 min', '1 h', '1 h 20 min']);
});

test('operators are told while the database is away, and how much waits', () => {
  assert.equal(unwrittenSentence({}), null);
  const since = '2026-01-01T12:00:00Z';
  assert.match(unwrittenSentence({ unwritten: { since, moves: 0 } }), /No change waits/);
  assert.match(unwrittenSentence({ unwritten: { since, moves: 1 } }), /1 change waits/);
  assert.match(unwrittenSentence({ unwritten: { since, moves: 12 } }), /12 changes wait/);
});

test('a DJ whose slot is about to end for want of sound is told how long is left', () => {
  const now = Date.parse('2026-01-01T12:00:00Z');
  assert.equal(unhealthySentence({}, now), null);
  const entry = { unhealthy: { missing: ['picture', 'sound'], endsAt: '2026-01-01T12:00:09Z' } };
  assert.match(unhealthySentence(entry, now), /No picture and no sound .* ends in 9 s/);
});
