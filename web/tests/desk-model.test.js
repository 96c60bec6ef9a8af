import assert from 'node:assert/strict';
import test from 'node:test';

import {
  canStepBack, channelNames, deskTitle, endingSentence, estimateSentence, healthWords, keptOutSentence, levelPosition, levelText, levelWord, measureRows, ownSecondsLeft,
  warningSentence,
} from '../js/desk-model.js';

const at = '2026-05-01T20:00:00Z';
const now = Date.parse(at);
const entry = (user, more = {}) => ({ id: `e-${user}`, user, name: user, state: 'waiting', connected: true, ready: true, ...more });
const view = (entries, more = {}) => ({ at, showing: 'dj', isOpen: true, entries, ...more });
const onAir = entry('ada', { state: 'onAir', remainingSeconds: 90 });

test('the title says where one stands', () => {
  const present = view([onAir, entry('bob')]);
  assert.equal(deskTitle(present, 'ada', now + 30000), 'ON AIR 1:00 · Lineup');
  assert.equal(deskTitle(present, 'bob', now), 'No. 1 · Lineup');
  assert.equal(deskTitle(present, 'cy', now), 'DJ: Lineup');
  assert.equal(deskTitle(view([entry('bob', { connected: false })]), 'bob', now), 'Dropped! · Lineup');
  assert.equal(deskTitle(view([entry('ada', { state: 'onAir' })]), 'ada', now), 'ON AIR · Lineup');
});

test('the big clock is one’s own', () => {
  assert.equal(ownSecondsLeft(view([onAir]), 'ada', now), 90);
  assert.equal(ownSecondsLeft(view([onAir, entry('bob')]), 'bob', now), null);
});

test('a warning is for whom it names', () => {
  const event = { kind: 'onair.warning', payload: { entry: 'e-ada', seconds: 300 } };
  assert.equal(warningSentence(event, onAir), '5 min left of your slot.');
  assert.equal(warningSentence(event, entry('bob')), null);
  assert.equal(warningSentence(event, null), null);
});

test('who is kept out is told why and until when', () => {
  const time = () => '21:00';
  assert.equal(keptOutSentence(view([]), 'ada'), null);
  assert.match(keptOutSentence(view([], { blocked: [{ user: 'ada', rule: 'until', until: at }] }), 'ada', time), /again at 21:00/);
  assert.match(keptOutSentence(view([], { blocked: [{ user: 'ada', rule: 'someoneElsePlayed' }] }), 'ada'), /somebody else/);
  assert.match(keptOutSentence(view([], { banned: [{ user: 'ada', until: at, reason: 'noise' }] }), 'ada', time), /banned until 21:00.*noise/);
  assert.equal(keptOutSentence(view([], { banned: [{ user: 'bob' }] }), 'ada'), null);
});

test('every reason of the server’s has a sentence', () => {
  for (const reason of ['finished', 'slotOver', 'skipped', 'removed', 'dropped', 'unhealthy', 'banned', 'channelClosed']) {
    assert.ok(!endingSentence(reason).includes(`(${reason})`), reason);
  }
  assert.match(endingSentence('newOne'), /newOne/);
});

test('the turn to come', () => {
  const time = () => '20:12';
  assert.equal(estimateSentence(entry('bob', { estimatedStart: '2026-05-01T20:12:00Z' }), now, time), 'Your turn should come at about 20:12, in 12 min.');
  assert.match(estimateSentence(entry('bob', { estimatedStart: at }), now), /any moment/);
  assert.equal(estimateSentence(entry('bob'), now), null);
  assert.equal(estimateSentence({ ...onAir, estimatedStart: at }, now), null);
  assert.equal(estimateSentence(undefined, now), null);
});

test('letting somebody go first takes somebody behind', () => {
  const [bob, cy] = [entry('bob'), entry('cy')];
  assert.equal(canStepBack(view([onAir, bob, cy]), 'bob'), true);
  assert.equal(canStepBack(view([onAir, bob, cy]), 'cy'), false);
  assert.equal(canStepBack(view([onAir, bob]), 'ada'), false);
  assert.equal(canStepBack(view([]), 'ada'), false);
});

test('health in words, and what to change', () => {
  assert.equal(healthWords(null), null);
  assert.equal(healthWords({ status: 'good', issues: [] }).tone, 'good');
  const words = healthWords({ status: 'ok', issues: [{ type: 'gopSizeLong', severity: 'warning', advice: 'Set the keyframe interval to 2 s.' }] });
  assert.deepEqual(words.advice, [{ text: 'Set the keyframe interval to 2 s.', severity: 'warning' }]);
});

test('figures that are known, and no others', () => {
  assert.deepEqual(measureRows(null), []);
  assert.deepEqual(measureRows({ stalls: 0 }), []);
  const rows = Object.fromEntries(measureRows({ width: 640, height: 360, frameRate: 25, keyFrameIntervalSeconds: 2, stalls: 3 }));
  assert.equal(rows.Picture, '640×360, 25 fps');
  assert.equal(rows['Pauses of a second or more'], '3');
  assert.equal('Sound' in rows, false);
});

test('the meter', () => {
  assert.equal(levelPosition(0), 1);
  assert.equal(levelPosition(-30), 0.5);
  assert.equal(levelPosition(-90), 0);
  assert.equal(levelPosition(null), 0);
  assert.equal(levelPosition(3), 1);
  assert.equal(levelWord(null), 'Silence');
  assert.equal(levelWord(-40), 'Quiet');
  assert.equal(levelWord(-12), 'Good level');
  assert.match(levelWord(0), /Too loud/);
  assert.equal(levelWord(-12, [{ peak: -12 }, { peak: -120 }]), 'Only left can be heard');
  assert.equal(levelWord(-12, [{ peak: -70 }, { peak: -12 }]), 'Only right can be heard');
  assert.equal(levelWord(-12, [{ peak: -12 }, { peak: -14 }]), 'Good level');
  assert.equal(levelWord(-70, [{ peak: -70 }, { peak: -90 }]), 'Silence');
  assert.equal(levelText(-120), 'silent');
  assert.equal(levelText(-12.4), '-12 decibels');
  assert.deepEqual(channelNames(2), ['left', 'right']);
  assert.equal(channelNames(6).length, 6);
});
