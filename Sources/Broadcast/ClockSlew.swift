import Domain

/// Keeps a publisher whose clock is off from filling or emptying its line: says by how much the offset between its timeline and
/// the programme's has to change (design §5, A DJ's clock is not ours). Part of `InputPlayhead`.
///
/// Depth is how long before its turn media arrives, at the best of the last seconds, so that jitter and stalls do not count. What
/// it was in the first seconds after the join is the target. Slewing begins where the depth has left the target by more than
/// 100 ms and ends where it is back, so most of the time the offset stands still.
struct ClockSlew {
    /// 500 ppm.
    static let greatestRate: (parts: Int64, of: Int64) = (500, 1_000_000)
    static let tolerance = MediaTime.milliseconds(100)
    static let settled = MediaTime.milliseconds(10)
    /// More than this is no drift that slewing could follow: the backlog is cut off at a key frame. A line that much too shallow
    /// cannot be filled without a hole; it stays as it is.
    static let cutLimit = MediaTime.milliseconds(1000)
    /// As long as the line looks back for its best arrival.
    static let settling = MediaTime.milliseconds(10_000)

    private enum Direction { case sooner, still, later }

    private var direction = Direction.still
    private var target: MediaTime?
    private var settledAt: MediaTime?
    /// The line holds more than it should, by more than the limit.
    private(set) var wantsCut = false

    /// - Parameters:
    ///   - depth: programme time between the best arrival and its turn.
    ///   - time: programme time.
    mutating func observe(depth: MediaTime, at time: MediaTime) {
        let settledAt = settledAt ?? time + Self.settling
        self.settledAt = settledAt
        guard let target, time >= settledAt else {
            target = target.map { max($0, depth) } ?? depth
            return
        }
        let error = depth - target
        wantsCut = error > Self.cutLimit
        if error < MediaTime.zero - Self.cutLimit {
            self.target = depth
            direction = .still
        } else if error > Self.tolerance {
            direction = .sooner
        } else if error < MediaTime.zero - Self.tolerance {
            direction = .later
        } else if isBack(error) {
            direction = .still
        }
    }

    private func isBack(_ error: MediaTime) -> Bool {
        switch direction {
        case .still: true
        case .sooner: error <= Self.settled
        case .later: error >= MediaTime.zero - Self.settled
        }
    }

    /// What the offset changes by while `span` of the publisher's media is played.
    func correction(over span: MediaTime) -> MediaTime {
        let step = MediaTime(nanoseconds: max(0, span.nanoseconds) * Self.greatestRate.parts / Self.greatestRate.of)
        switch direction {
        case .sooner: return .zero - step
        case .still: return .zero
        case .later: return step
        }
    }
}
