import Domain

/// One row of a result, copied out of libpq's memory. Columns count from 0, in the order of the query.
struct PostgresRow: Sendable {
    private let cells: [String?]

    init(cells: [String?]) { self.cells = cells }

    /// - Throws: `.shape` when there is no such column.
    func optionalText(_ column: Int) throws(PostgresError) -> String? {
        guard cells.indices.contains(column) else {
            throw PostgresError(.shape, "a result has no column \(column)")
        }
        return cells[column]
    }

    func text(_ column: Int) throws(PostgresError) -> String {
        guard let text = try optionalText(column) else {
            throw PostgresError(.shape, "column \(column) is NULL")
        }
        return text
    }

    func integer(_ column: Int) throws(PostgresError) -> Int64 {
        guard let number = Int64(try text(column)) else {
            throw PostgresError(.shape, "column \(column) is no integer")
        }
        return number
    }

    func optionalInteger(_ column: Int) throws(PostgresError) -> Int64? {
        try optionalText(column) == nil ? nil : integer(column)
    }

    func boolean(_ column: Int) throws(PostgresError) -> Bool {
        try text(column) == "t"
    }

    func id<Tag>(_ column: Int) throws(PostgresError) -> ID<Tag> {
        guard let id = ID<Tag>(try text(column)) else { throw PostgresError(.shape, "column \(column) is no UUID") }
        return id
    }

    /// A column made by `epochMilliseconds`.
    func time(_ column: Int) throws(PostgresError) -> WallTime {
        WallTime(milliseconds: try integer(column))
    }

    func optionalTime(_ column: Int) throws(PostgresError) -> WallTime? {
        try optionalText(column) == nil ? nil : time(column)
    }

    /// A `bytea` column in PostgreSQL's hexadecimal form, `\x00ff`.
    func bytes(_ column: Int) throws(PostgresError) -> [UInt8] {
        let digits = Array(try text(column).utf8)
        guard digits.starts(with: [UInt8(ascii: "\\"), UInt8(ascii: "x")]), digits.count.isMultiple(of: 2) else {
            throw PostgresError(.shape, "column \(column) is no bytea")
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count / 2 - 1)
        for index in stride(from: 2, to: digits.count, by: 2) {
            let pair = String(decoding: digits[index...index + 1], as: UTF8.self)
            guard let byte = UInt8(pair, radix: 16) else { throw PostgresError(.shape, "column \(column) is no bytea") }
            bytes.append(byte)
        }
        return bytes
    }
}

/// SQL that turns a `timestamptz` column into whole milliseconds since 1970, exactly.
func epochMilliseconds(_ column: String) -> String {
    "(extract(epoch from \(column)) * 1000)::bigint"
}
