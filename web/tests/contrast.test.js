// WCAG 2.2 AA: text 4.5:1, controls' outlines 3:1, in both themes.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

const sheet = readFileSync(new URL('../style.css', import.meta.url), 'utf8');

function tokens(block) {
  return Object.fromEntries([...block.matchAll(/--([a-z-]+):\s*(#[0-9a-f]{6})/g)].map(([, name, value]) => [name, value]));
}

const dark = tokens(/^:root \{(.*?)\n\}/ms.exec(sheet)[1]);
const light = tokens(/:root\[data-theme="light"\] \{(.*?)\n\}/s.exec(sheet)[1]);
const bySystem = tokens(/:root:not\(\[data-theme\]\) \{(.*?)\n {2}\}/s.exec(sheet)[1]);

function luminance(hex) {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one, other) {
  const [high, low] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}

test('known contrasts', () => {
  assert.equal(contrast('#000000', '#ffffff'), 21);
  assert.ok(Math.abs(contrast('#777777', '#ffffff') - 4.48) < 0.01);
});

for (const [name, theme] of Object.entries({ dark, light })) {
  test(`text of the ${name} theme reads on all its grounds`, () => {
    for (const ground of ['ground', 'panel', 'raised']) {
      for (const text of ['text', 'dim', 'accent', 'good', 'bad', 'warm', 'air']) {
        const ratio = contrast(theme[text], theme[ground]);
        assert.ok(ratio >= 4.5, `--${text} on --${ground}: ${ratio.toFixed(2)}`);
      }
    }
    for (const [text, ground] of [['on-accent', 'accent-ground'], ['on-accent', 'accent-hover'], ['air', 'air-ground'], ['bad', 'bad-ground'], ['text', 'bad-ground']]) {
      const ratio = contrast(theme[text], theme[ground]);
      assert.ok(ratio >= 4.5, `--${text} on --${ground}: ${ratio.toFixed(2)}`);
    }
  });

  test(`outlines of controls show in the ${name} theme`, () => {
    for (const ground of ['ground', 'panel', 'raised']) {
      for (const line of ['control-line', 'accent']) {
        const ratio = contrast(theme[line], theme[ground]);
        assert.ok(ratio >= 3, `--${line} on --${ground}: ${ratio.toFixed(2)}`);
      }
    }
  });
}

test('the light theme is the same by toggle and by system, and complete', () => {
  assert.deepEqual(bySystem, light);
  assert.deepEqual(Object.keys(light).sort(), Object.keys(dark).sort());
});
