import Domain

/// The numbers of accounts, in one place.
enum AccountLimits {
    static let maximumEmailBytes = 254
    static let nameCharacters = 1...40
    /// A character can hold any number of combining marks.
    static let maximumNameBytes = 200
    static let passwordCharacters = 8...128
    static let maximumPasswordBytes = 1024
    static let labelCharacters = 1...60
    static let maximumLabelBytes = 240
    static let maximumLiveKeys = 10
    /// 256 bits, of a session's token and of an API token.
    static let tokenBytes = 32
    static let sessionIdle = Duration.seconds(7 * 86_400)
    static let sessionLife = Duration.seconds(30 * 86_400)
    /// How old a session's "last seen" may be before it is written again.
    static let sessionTouch = Duration.seconds(60)
    /// How old a token's "last used" may be before it is written again.
    static let tokenTouch = Duration.seconds(60)
    static let cleanUpInterval = Duration.seconds(3600)
    /// Told to whom no thread was free.
    static let busyRetry = Duration.seconds(2)
}
