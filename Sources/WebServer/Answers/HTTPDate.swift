import Domain

/// `Date` of an answer (RFC 9110 §6.6.1), rendered once a second and not once an answer. Used on one event loop only.
final class HTTPDate {
    private let clock: any WallClock
    private var second = Int64.min
    private var text = ""

    init(clock: any WallClock) { self.clock = clock }

    /// Of this moment.
    func now() -> String {
        let now = clock.now()
        if now.milliseconds / 1000 != second {
            second = now.milliseconds / 1000
            text = Self.text(of: now)
        }
        return text
    }

    private static let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7), from `1994-11-06T08:49:37.000Z`.
    static func text(of time: WallTime) -> String {
        let parts = time.description.split { $0 == "-" || $0 == "T" || $0 == "." }
        // 1970 began with a Thursday.
        let weekday = weekdays[Int(time.milliseconds / 86_400_000 % 7)]
        return "\(weekday), \(parts[2]) \(months[(Int(parts[1]) ?? 1) - 1]) \(parts[0]) \(parts[3]) GMT"
    }
}
