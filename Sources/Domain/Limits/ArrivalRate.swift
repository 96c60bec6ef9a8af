/// So many events a second and, after a quiet time, so many at once; a token bucket kept as one number (the "generic cell rate
/// algorithm": the time at which the bucket will be full again). A value of eight bytes, so that a table of thousands is small.
package struct ArrivalRate: Sendable, Equatable {
    /// What is allowed; shared by all the rates that follow it.
    package struct Policy: Sendable, Equatable {
        /// Nanoseconds that one event uses up.
        fileprivate let cost: Int64
        /// Nanoseconds of events that may come at once.
        fileprivate let depth: Int64

        /// - Parameters:
        ///   - perSecond: 1…1,000,000; what lies outside is taken as the nearer end.
        ///   - burst: events at once, at least one.
        package init(perSecond: Int, burst: Int) {
            cost = 1_000_000_000 / Int64(min(max(perSecond, 1), 1_000_000))
            depth = cost * Int64(min(max(burst, 1), 1_000_000))
        }
    }

    private var fullAt = Int64.min

    package init() {}

    /// Counts one event in, unless there were too many; those that are refused are not counted.
    /// - Parameter now: monotonic nanoseconds.
    package mutating func admits(_ policy: Policy, at now: Int64) -> Bool {
        let used = max(fullAt, now) - now
        guard used + policy.cost <= policy.depth else { return false }
        fullAt = now + used + policy.cost
        return true
    }
}
