import assert from 'node:assert/strict';
import test from 'node:test';

import { overlayLines, overlayOptions, timerSeconds } from '../js/overlay-model.js';

const view = (names, more = {}) => ({
  at: '2027-01-15T08:00:00.000Z', showing: 'dj',
  entries: names.map((name, index) => ({ name, state: index === 0 ? 'onAir' : 'waiting', remainingSeconds: index === 0 ? 90 : undefined })),
  ...more,
});

test('options that make no sense are left out', () => {
  assert.deepEqual(overlayOptions(''), { size: null, align: null, max: 100, numbers: true });
  assert.deepEqual(overlayOptions('?size=48&align=right&max=5&numbers=off'), { size: 48, align: 'right', max: 5, numbers: false });
  assert.deepEqual(overlayOptions('?size=9999&align=<script>&max=0&numbers=1'), { size: null, align: null, max: 100, numbers: true });
});

test('lines beyond the most are counted in the last', () => {
  assert.deepEqual(overlayLines(view(['A', 'B', 'C']), 3).more, 0);
  const cut = overlayLines(view(['A', 'B', 'C', 'D']), 3);
  assert.deepEqual(cut.lines, [{ name: 'A', isOnAir: true }, { name: 'B', isOnAir: false }]);
  assert.equal(cut.more, 2);
  assert.equal(overlayLines(view(['A', 'B']), 1).lines.length, 1);
});

test('the timer hides when nobody’s picture is on', () => {
  const now = Date.parse('2027-01-15T08:00:30.000Z');
  assert.equal(timerSeconds(view(['A']), now), 60);
  assert.equal(timerSeconds(view(['A'], { showing: 'slate' }), now), null);
  assert.equal(timerSeconds(view([]), now), null);
});
