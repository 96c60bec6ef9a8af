/// A point on a media timeline, or a span of one, in nanoseconds.
///
/// Containers count in ticks of their own timescale; they are converted once, at the border, rounding to the nearest tick.
package struct MediaTime: Hashable, Sendable, Comparable, AdditiveArithmetic, CustomStringConvertible {
    package var nanoseconds: Int64

    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// `ticks` of `timescale` per second. Exact to a nanosecond for any product below 2^63 seconds·timescale.
    package init(ticks: Int64, timescale: Int64) {
        let (seconds, rest) = ticks.quotientAndRemainder(dividingBy: timescale)
        self.nanoseconds = seconds * 1_000_000_000 + (rest * 1_000_000_000 + timescale / 2) / timescale
    }

    package static let zero = MediaTime(nanoseconds: 0)
    package static func milliseconds(_ value: Int64) -> Self { Self(nanoseconds: value * 1_000_000) }
    package static func seconds(_ value: Double) -> Self { Self(nanoseconds: Int64((value * 1e9).rounded())) }

    /// The nearest whole tick of `timescale` per second.
    package func ticks(timescale: Int64) -> Int64 {
        let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        let half: Int64 = rest < 0 ? -500_000_000 : 500_000_000
        return seconds * timescale + (rest * timescale + half) / 1_000_000_000
    }

    package var seconds: Double { Double(nanoseconds) / 1e9 }

    package static func + (left: Self, right: Self) -> Self { Self(nanoseconds: left.nanoseconds + right.nanoseconds) }
    package static func - (left: Self, right: Self) -> Self { Self(nanoseconds: left.nanoseconds - right.nanoseconds) }
    package static func * (left: Self, factor: Int64) -> Self { Self(nanoseconds: left.nanoseconds * factor) }
    package static func / (left: Self, divisor: Int64) -> Self { Self(nanoseconds: left.nanoseconds / divisor) }
    package static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }

    package var description: String { "\(seconds) s" }
}
