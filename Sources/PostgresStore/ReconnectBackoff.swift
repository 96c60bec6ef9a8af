/// How long to leave a database alone after it could not be reached: 100 ms, doubling to 5 s, each shortened at random by
/// up to half so that many clients do not come back at once. A value; time and randomness come in.
struct ReconnectBackoff {
    private static let first = Duration.milliseconds(100)
    private static let longest = Duration.seconds(5)

    private var next = Self.first

    mutating func succeeded() { next = Self.first }

    /// The span to wait after one more failure.
    mutating func failed(using generator: inout some RandomNumberGenerator) -> Duration {
        let span = next
        next = min(next * 2, Self.longest)
        return span * Double.random(in: 0.5...1, using: &generator)
    }
}
