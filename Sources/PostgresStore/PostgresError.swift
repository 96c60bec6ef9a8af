/// What went wrong between us and PostgreSQL. Never holds a parameter's value, a password or a row's content (I9).
package struct PostgresError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable, Equatable {
        /// The server cannot be reached, or the connection was lost; what was asked may or may not have happened.
        case connection
        /// Too many calls wait for this connection already.
        case busy
        /// The store was closed.
        case closed
        /// The caller's task was cancelled.
        case cancelled
        /// The statement took longer than it may.
        case timedOut
        /// A unique, foreign key or check constraint; `constraint` names it.
        case constraint
        /// Any other answer of the server; `sqlState` says which.
        case server
        /// A row has not the shape the query promises, or a text holds a NUL: our bug.
        case shape
        /// A `DATABASE_URL` that cannot be read.
        case configuration
        /// The database has migrations that this binary does not know.
        case databaseNewer
        /// A migration's file differs from what was applied, or its number is missing or doubled.
        case migrationChanged
        /// PostgreSQL's own programs are not installed.
        case programsMissing
        /// The private cluster cannot be made or started.
        case cluster
        /// Another process runs on this data folder.
        case inUse
    }

    package var code: Code
    /// Five characters (PostgreSQL's Appendix A), when the server answered.
    package var sqlState: String?
    package var constraint: String?
    /// What was tried and what came of it, in words for the operator.
    package var message: String

    package init(_ code: Code, _ message: String, sqlState: String? = nil, constraint: String? = nil) {
        self.code = code
        self.message = message
        self.sqlState = sqlState
        self.constraint = constraint
    }

    package var description: String {
        sqlState.map { "\(message) (SQLSTATE \($0))" } ?? message
    }

    /// Reads a failed statement's fields.
    ///
    /// Class 22 (data exceptions) quotes the offending value in its text, so that text is left out. Details, which quote
    /// whole rows, are never read.
    static func server(sqlState: String, constraint: String?, message: String) -> PostgresError {
        let code: Code =
            switch sqlState {
            case "57014": message.contains("statement timeout") ? .timedOut : .cancelled
            case "55P03": .timedOut
            case "57P01", "57P02", "57P03": .connection
            case _ where sqlState.hasPrefix("23"): .constraint
            case _ where sqlState.hasPrefix("08"): .connection
            default: .server
            }
        let text = sqlState.hasPrefix("22") ? "a value does not fit its column" : message
        return PostgresError(code, text, sqlState: sqlState, constraint: constraint)
    }
}

/// Metadata keys of this target's logs.
enum LogKey {
    static let connection = "connection"
    static let cause = "cause"
    static let folder = "folder"
    static let migration = "migration"
    static let count = "count"
    static let milliseconds = "milliseconds"
    static let program = "program"
}
