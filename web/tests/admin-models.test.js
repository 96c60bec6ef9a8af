import assert from 'node:assert/strict';
import test from 'node:test';

import { moveAct, outputActs } from '../js/acts-model.js';
import { placeAt } from '../js/drag-model.js';
import { auditWords, bytesText, handoverRow } from '../js/log-model.js';
import { foundPeople, personNote } from '../js/people-model.js';
import { settingsChange, settingsValues } from '../js/settings-model.js';
import { nextTheme, themeOf } from '../js/theme-model.js';

const entry = (id, state = 'waiting') => ({ id, name: id, state });
const view = { version: 7, entries: [entry('a', 'onAir'), entry('b'), entry('c'), entry('d')] };

test('a dragged entry lands behind those it passed', () => {
  assert.equal(placeAt([null, 30, 50], 5), 1);
  assert.equal(placeAt([null, 30, 50], 35), 2);
  assert.equal(placeAt([10, 30, null], 60), 3);
  assert.equal(placeAt([10, 30, null], 2), 1);
});

test('a move carries the version, stays inside, and is none when nothing changes', () => {
  assert.deepEqual(moveAct(view, 'd', 1).body, { entry: 'd', position: 1, version: 7 });
  assert.equal(moveAct(view, 'b', 99).body.position, 3);
  assert.equal(moveAct(view, 'b', 0), null);
  assert.equal(moveAct(view, 'gone', 1), null);
  // Who is on air has no place among those who wait.
  assert.equal(moveAct(view, 'a', 2), null);
});

test('the output can always be taken, and given back', () => {
  const keys = (emergency) => outputActs({ emergency }).map(({ key }) => key);
  assert.deepEqual(keys('off'), ['slate', 'mute']);
  assert.deepEqual(keys('slate'), ['back', 'mute']);
  assert.deepEqual(keys('mute'), ['back', 'slate']);
});

test('people are found by all words, those who wait for something first', () => {
  const people = [
    { name: 'Zoë', email: 'z@example.org', approved: false }, { name: 'Ada', email: 'ada@example.org' }, { name: 'Bob', email: 'bob@other.example' },
  ];
  assert.deepEqual(foundPeople(people, '').map(({ name }) => name), ['Zoë', 'Ada', 'Bob']);
  assert.deepEqual(foundPeople(people, 'OTHER bo').map(({ name }) => name), ['Bob']);
  assert.deepEqual(foundPeople(people, 'nobody'), []);
  assert.equal(personNote({ disabled: true, createdAt: '2026-01-01T00:00:00Z' }, () => 'January'), 'Disabled. Since January.');
});

test('the log reads as sentences', () => {
  assert.equal(auditWords({ actor: { name: 'Boss' }, action: 'queue.skip', subject: 'Ada' }), 'Boss skipped Ada');
  const id = '797fcfd9-5058-4d0a-ba3e-c326969514ce';
  assert.equal(auditWords({ actor: { name: 'Boss' }, action: 'queue.move', subject: id, after: { name: 'DJ C', place: 0 } }), 'Boss moved DJ C (place: 1)');
  assert.equal(auditWords({ actor: { name: 'Boss' }, action: 'queue.skip', subject: id, after: { name: 'DJ C', ended: 'skipped' } }), 'Boss skipped DJ C');
  assert.equal(auditWords({ actor: { name: 'Boss' }, action: 'queue.unban', subject: id }), 'Boss unbanned');
  assert.equal(auditWords({ actor: { kind: 'machine' }, action: 'new.act', after: { a: 1, b: { c: 2 } } }), 'machine new.act (a: 1, b: {"c":2})');
  assert.ok(auditWords({ actor: { name: 'Boss' }, action: 'queue.set', after: 'x'.repeat(500) }).length < 200);
});

test('a hand-over’s cells; the slate has no name', () => {
  const row = handoverRow({ onAirAt: 0, from: null, to: { name: 'Ada' }, reason: 'planned', cause: 'skipped', videoGapFrames: 0, audioGapMilliseconds: -10.66 }, () => 'then');
  assert.deepEqual(row, ['then', 'Slate', 'Ada', 'skipped', '0 frames', '-10.7 ms']);
});

test('bytes for people', () => {
  assert.equal(bytesText(999), '999 B');
  assert.equal(bytesText(1500), '1.5 kB');
  assert.equal(bytesText(2.5e9), '2.5 GB');
});

test('the slate and the envelope are shown and set', () => {
  const settings = {
    autoAdvance: true, overtimeWhenAlone: true, deadAfter: false, coverDrop: 'slate', rejoin: 'tail', blockAfterTurn: 'off', graceOnAirSeconds: 30,
    graceWaitingSeconds: 120, maximumLength: null, warningSeconds: [600],
    output: { programmeDelay: '2.5s', slateText: 'none', slateFile: 'none', maximumSize: '1920x1080', maximumFrameRate: '60', maximumBitrate: '10000', videoCodecs: 'h264', outputs: 'all' },
  };
  const drawn = settingsValues({ isOpen: true, settings });
  assert.equal(drawn.slateText, '');
  assert.equal(drawn.programmeDelay, '2.5s');
  assert.deepEqual(settingsChange({ ...drawn, programmeDelay: ' ' }, drawn), { programmeDelay: 'none' });
  assert.deepEqual(settingsChange({ ...drawn, programmeDelay: '5 s' }, drawn), { programmeDelay: '5s' });
  assert.equal(drawn.maximumSize, '1920x1080');
  assert.deepEqual(settingsChange(drawn, drawn), {});
  assert.deepEqual(settingsChange({ ...drawn, outputs: 'hls, rtmp' }, drawn), { outputs: 'hls,rtmp' });
  assert.deepEqual(settingsChange({ ...drawn, outputs: '' }, drawn), { outputs: 'none' });
  // Blanks in a text are part of it.
  assert.deepEqual(settingsChange({ ...drawn, slateText: 'Back at nine' }, drawn), { slateText: 'Back at nine' });
  assert.deepEqual(settingsChange({ ...drawn, slateText: '' }, { ...drawn, slateText: 'x' }), { slateText: 'none' });
});

test('colours: chosen, else the system’s, else dark', () => {
  assert.equal(themeOf(null, false), 'dark');
  assert.equal(themeOf(null, true), 'light');
  assert.equal(themeOf('dark', true), 'dark');
  assert.equal(themeOf('purple', false), 'dark');
  assert.equal(nextTheme(null, true), 'dark');
  assert.equal(nextTheme('dark', true), 'light');
});
