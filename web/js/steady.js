// Drawing anew what somebody may be using: neither the keyboard's place nor a press that has begun is lost.

/** Where a finger or a mouse button went down, until it is let go. */
let pressed = null;
/** What is to be drawn when it is let go: the last drawing of each root. */
const held = new Map();

addEventListener('pointerdown', ({ target }) => { pressed = target; }, true);
// The click comes after the release: it is to find its button where it was pressed.
for (const end of ['pointerup', 'pointercancel']) addEventListener(end, () => setTimeout(release), true);
// The window's own: who lets go elsewhere is not heard here.
addEventListener('blur', ({ target }) => { if (target === window) release(); });

function release() {
  pressed = null;
  const draws = [...held];
  held.clear();
  for (const [root, draw] of draws) drawSteadily(root, draw);
}

/**
 * Calls `draw`, which replaces what `root` shows. While a pointer is down in `root` it waits for the release, since a button that is
 * replaced under a finger is never clicked. Whoever had the keyboard's place on an element with `data-act` has it on its successor.
 */
export function drawSteadily(root, draw) {
  if (pressed && root.contains(pressed)) {
    held.set(root, draw);
    return;
  }
  held.delete(root);
  const key = root.contains(document.activeElement) ? document.activeElement.dataset.act : undefined;
  draw();
  if (key === undefined) return;
  [...root.querySelectorAll('[data-act]')].find((button) => button.dataset.act === key)?.focus();
}
