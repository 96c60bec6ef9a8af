import assert from 'node:assert/strict';
import test from 'node:test';

import { clickAct, IDLE_MILLISECONDS, isIdle, keyAct } from '../js/controls-model.js';

test('the controls leave a picture alone that plays, and nothing else', () => {
  const seen = { phase: 'playing', restMilliseconds: IDLE_MILLISECONDS, hasKeyboardFocus: false };
  assert.equal(isIdle(seen), true);
  assert.equal(isIdle({ ...seen, restMilliseconds: Infinity }), true);
  assert.equal(isIdle({ ...seen, restMilliseconds: IDLE_MILLISECONDS - 1 }), false);
  assert.equal(isIdle({ ...seen, hasKeyboardFocus: true }), false);
  for (const phase of ['loading', 'buffering', 'paused', 'notYet', 'failed', 'offline', 'full']) assert.equal(isIdle({ ...seen, phase }), false);
});

test('a finger’s first tap only shows the controls; a mouse has shown them by coming', () => {
  assert.equal(clickAct({ pointerType: 'touch', wasIdle: true }), 'show');
  assert.equal(clickAct({ pointerType: 'touch', wasIdle: false }), 'toggle');
  assert.equal(clickAct({ pointerType: 'mouse', wasIdle: true }), 'toggle');
});

test('keys work the player, and are left to whoever types, presses, or is elsewhere on the page', () => {
  const press = (key, tag = 'BODY', { isModified = false, isInPlayer = false } = {}) => keyAct({ key, tag, isModified, isInPlayer });
  assert.deepEqual([press(' '), press('m'), press('F'), press('x')], ['toggle', 'mute', 'fullscreen', null]);
  for (const key of ['k', 'm', 'f', ' ']) {
    assert.equal(press(key, 'A'), null);
    assert.equal(press(key, 'BUTTON'), null);
    assert.equal(press(key, 'INPUT', { isInPlayer: true }), null);
    assert.equal(press(key, 'BODY', { isModified: true }), null);
  }
  assert.equal(press(' ', 'BUTTON', { isInPlayer: true }), null);
  assert.equal(press('m', 'BUTTON', { isInPlayer: true }), 'mute');
});
