import Domain

/// Decides when a connection has cost enough: the limits against clients that are slow on purpose. Pure; times are
/// nanoseconds of any rising clock.
///
/// Three ways to hold a connection for nothing are ended: sending nothing, sending a request too slowly to end, and not
/// reading an answer. What moves in either direction counts as life; an event stream lives by its heartbeats.
struct ConnectionWatch {
    enum Verdict: Equatable {
        case keep
        case close
    }

    let idleNanoseconds: Int64
    let requestNanoseconds: Int64
    private var lastMove: Int64
    private var requestStarted: Int64?
    /// Bytes waiting for the socket at the last look.
    private var pendingBytes = 0
    private var hasWritten = false

    init(idle: Duration, request: Duration, now: Int64) {
        idleNanoseconds = idle.wholeNanoseconds
        requestNanoseconds = request.wholeNanoseconds
        lastMove = now
    }

    mutating func requestHeadReceived(now: Int64) {
        lastMove = now
        requestStarted = now
    }

    mutating func requestBodyReceived(now: Int64) { lastMove = now }

    mutating func requestEndReceived(now: Int64) {
        lastMove = now
        requestStarted = nil
    }

    mutating func partWritten() { hasWritten = true }

    /// - Parameter pendingBytes: what is written and not yet taken by the socket.
    mutating func looked(now: Int64, pendingBytes: Int) -> Verdict {
        let drained = pendingBytes < self.pendingBytes || (pendingBytes == 0 && hasWritten)
        let began = self.pendingBytes == 0 && pendingBytes > 0
        // New answers piling up on a socket that takes nothing are no life.
        if drained || began { lastMove = now }
        self.pendingBytes = pendingBytes
        hasWritten = false
        if let requestStarted, now - requestStarted >= requestNanoseconds { return .close }
        return now - lastMove >= idleNanoseconds ? .close : .keep
    }
}
