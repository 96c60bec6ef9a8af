package import Domain
private import Synchronization

/// A time of day that stands still until a test moves it. Starts at 2026-11-21T20:00:00Z.
package final class FakeWallClock: WallClock {
    private let time: Mutex<WallTime>

    package init(_ start: WallTime = WallTime(milliseconds: 1_795_291_200_000)) { self.time = Mutex(start) }

    package func now() -> WallTime { time.withLock { $0 } }

    package func advance(by span: Duration) { time.withLock { $0 = $0 + span } }
}
