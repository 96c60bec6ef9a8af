// Tells whether an element can be seen: on the screen, in a tab that is open. What costs the server something is asked for only then.

/** Calls `change(isSeen)` at the start and whenever it turns. `element` may be in no page yet. */
export function whenSeen(element, change) {
  let isOnScreen = false;
  let isSeen = null;
  const look = () => {
    const now = isOnScreen && !document.hidden;
    if (now === isSeen) return;
    isSeen = now;
    change(now);
  };
  new IntersectionObserver((entries) => {
    isOnScreen = entries[entries.length - 1].isIntersecting;
    look();
  }).observe(element);
  document.addEventListener('visibilitychange', look);
}
