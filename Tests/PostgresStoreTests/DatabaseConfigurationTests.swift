import Domain
import PostgresStore
import Testing

@Suite struct DatabaseConfigurationTests {
    @Test func readsAWholeURL() throws {
        let read = try DatabaseConfiguration(
            url: Secret("postgresql://li%40ne:p%3Ass%2Fw@db.example:6543/line%20up?sslmode=verify-full"))
        #expect(
            read
                == DatabaseConfiguration(
                    host: "db.example", port: 6543, user: "li@ne", database: "line up", password: Secret("p:ss/w"),
                    parameters: ["sslmode": "verify-full"]))
        #expect(read.summary == "li@ne@db.example:6543/line up")
    }

    @Test(arguments: [
        ("postgres:///lineup", "/var/run/postgresql", 5432), ("postgres://[::1]:5433/lineup", "::1", 5433),
        ("postgres://[::1]/lineup", "::1", 5432), ("postgres://db/lineup", "db", 5432),
        ("postgres:///lineup?host=/run/pg&port=5434", "/run/pg", 5434),
        ("postgres://user@/?dbname=lineup", "/var/run/postgresql", 5432),
    ])
    func readsWhereTheServerIs(url: String, host: String, port: Int) throws {
        let read = try DatabaseConfiguration(url: Secret(url))
        #expect(read.host == host)
        #expect(read.port == port)
        #expect(read.database == "lineup")
    }

    @Test(arguments: [
        "", "mysql://u:swordfish@h/d", "postgres://u:swordfish@h:port/d", "postgres://u:swordfish@h:0/d",
        "postgres://u:swordfish@h/", "postgres://u:swordfish@h", "postgres://u:sword%zzfish@h/d",
        "postgres://u:swordfish@h/d?passfile=x", "postgres://u:swordfish@[::1/d", "postgres://u:swordfish@a,b/d",
        "postgres://u:swordfish%@h/d", "postgres://u:swordfish%00@h/d", "postgres://u:swordfish%ff@h/d",
        "postgres://u:swordfish@::1/d",
    ])
    func refusesNonsenseWithoutQuotingIt(url: String) {
        let error = #expect(throws: PostgresError.self) { try DatabaseConfiguration(url: Secret(url)) }
        #expect(error?.code == .configuration)
        #expect(error.map { "\($0)".contains("swordfish") } == false)
    }
}
