"""Follows an OpenAPI document with nothing but Python's standard library: asks what it describes, and holds each answer
against the schema of its status. Prints the answers that it got, as a list of "METHOD path status"; what is not as described
is an error.

    python3 follow_openapi.py <address of the document> <address of the service> <phase> <API key>
"""

import json
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

ANNOTATIONS = {"description", "summary", "examples", "title", "default"}


class Wrong(Exception):
    pass


class Schemas:
    def __init__(self, document):
        self.document = document

    def resolved(self, node):
        while "$ref" in node:
            target = self.document
            for name in node["$ref"][2:].split("/"):
                target = target[name]
            node = target
        return node

    def check(self, value, schema, where):
        schema = self.resolved(schema)
        for keyword, argument in schema.items():
            if keyword not in ANNOTATIONS:
                getattr(self, "keyword_" + keyword.lstrip("$"))(value, argument, schema, where)

    def fits(self, value, schema, where):
        try:
            self.check(value, schema, where)
            return True
        except Wrong:
            return False

    def keyword_type(self, value, types, _schema, where):
        names = [types] if isinstance(types, str) else types
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        known = {
            "object": isinstance(value, dict),
            "array": isinstance(value, list),
            "string": isinstance(value, str),
            "boolean": isinstance(value, bool),
            "null": value is None,
            "number": is_number,
            "integer": is_number and value == int(value),
        }
        if not any(known[name] for name in names):
            raise Wrong(f"{where} is no {' or '.join(names)}: {value!r}")

    def keyword_properties(self, value, properties, _schema, where):
        for name, schema in properties.items():
            if isinstance(value, dict) and name in value:
                self.check(value[name], schema, f"{where}.{name}")

    def keyword_required(self, value, names, _schema, where):
        for name in names:
            if isinstance(value, dict) and name not in value:
                raise Wrong(f"{where} has no {name}")

    def keyword_additionalProperties(self, value, more, schema, where):
        if not isinstance(value, dict):
            return
        for name in value.keys() - schema.get("properties", {}).keys():
            if more is False:
                raise Wrong(f"{where} has {name}, which is not described")
            if isinstance(more, dict):
                self.check(value[name], more, f"{where}.{name}")

    def keyword_items(self, value, schema, _parent, where):
        if isinstance(value, list):
            for i, one in enumerate(value):
                self.check(one, schema, f"{where}[{i}]")

    def keyword_enum(self, value, values, _schema, where):
        if value not in values:
            raise Wrong(f"{where} is none of {values}: {value!r}")

    def keyword_minimum(self, value, least, _schema, where):
        if isinstance(value, (int, float)) and value < least:
            raise Wrong(f"{where} is below {least}: {value}")

    def keyword_maximum(self, value, most, _schema, where):
        if isinstance(value, (int, float)) and value > most:
            raise Wrong(f"{where} is above {most}: {value}")

    def keyword_minItems(self, value, least, _schema, where):
        if isinstance(value, list) and len(value) < least:
            raise Wrong(f"{where} has fewer than {least} items")

    def keyword_maxItems(self, value, most, _schema, where):
        if isinstance(value, list) and len(value) > most:
            raise Wrong(f"{where} has more than {most} items")

    def keyword_anyOf(self, value, schemas, _schema, where):
        if not any(self.fits(value, one, where) for one in schemas):
            raise Wrong(f"{where} is none of what it may be: {value!r}")

    def keyword_oneOf(self, value, schemas, _schema, where):
        if sum(self.fits(value, one, where) for one in schemas) != 1:
            raise Wrong(f"{where} is not exactly one of what it may be: {value!r}")


class Follower:
    def __init__(self, document, base, key):
        self.document = document
        self.schemas = Schemas(document)
        self.base = base
        self.key = key
        self.seen = set()

    def operations(self, status=None):
        for path, methods in self.document["paths"].items():
            for method, operation in methods.items():
                if status is None or status in operation["responses"]:
                    yield path, method, operation

    def bodies(self, operation):
        if "requestBody" not in operation:
            return [None]
        media = operation["requestBody"]["content"]["application/json"]
        values = [example["value"] for example in media["examples"].values()]
        for value in values:
            self.schemas.check(value, media["schema"], "the example")
        return values

    def path_of(self, path, operation, more=None):
        query = dict(more or {})
        for parameter in operation.get("parameters", []):
            if "example" not in parameter:
                continue
            if parameter["in"] == "path":
                text = urllib.parse.quote(parameter["example"], safe="")
                path = path.replace("{" + parameter["name"] + "}", text)
            else:
                query[parameter["name"]] = parameter["example"]
        return path + ("?" + urllib.parse.urlencode(query) if query else "")

    def ask(self, path, method, operation, body=None, key=True, headers=None, query=None):
        """Asks, and holds the answer against what is described for its status."""
        sent = {} if body is None else {"Content-Type": "application/json"}
        if key:
            sent["Authorization"] = "Bearer " + self.key
        sent.update(headers or {})
        data = None if body is None else json.dumps(body).encode()
        url = self.base + self.path_of(path, operation, query)
        request = urllib.request.Request(url, data, sent, method=method.upper())
        try:
            answer = urllib.request.urlopen(request, timeout=20)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            status = str(answer.status)
            what = f"{method.upper()} {path} {status}"
            described = operation["responses"].get(status)
            if described is None:
                raise Wrong(f"{what} is not described: {answer.read().decode()}")
            described = self.schemas.resolved(described)
            kind = answer.headers.get_content_type()
            if kind not in described["content"]:
                raise Wrong(f"{what} is of the type {kind}")
            text = answer.read().decode()
            value = json.loads(text) if kind == "application/json" else text
            self.schemas.check(value, described["content"][kind]["schema"], what)
            self.seen.add(what)
            return status, value

    def expect(self, status, *args, **more):
        got, value = self.ask(*args, **more)
        if got != status:
            raise Wrong(f"{args[1]} {args[0]} answers {got} in place of {status}: {value}")
        return value

    def well(self):
        for path, method, operation in self.operations():
            for body in self.bodies(operation):
                self.expect("200", path, method, operation, body)
        for path, method, operation in self.operations("401"):
            self.expect("401", path, method, operation, self.bodies(operation)[0], key=False)
        for path, method, operation in self.operations("400"):
            body = self.bodies(operation)[0]
            if body is None:
                self.expect("400", path, method, operation, query={"unknown": "1"})
            else:
                self.expect("400", path, method, operation, {**body, "unknown": 1})
        for path, method, operation in self.operations("413"):
            self.expect("413", path, method, operation, {"key": "a" * 300_000})
        for path, method, operation in self.operations("415"):
            body = self.bodies(operation)[0]
            self.expect("415", path, method, operation, body, headers={"Content-Type": "text/plain"})
        self.expect_counted()

    def expect_counted(self):
        """What one operation counts, another one shows, and a third forgets."""
        by_id = {one["operationId"]: (path, method, one) for path, method, one in self.operations()}
        status = self.expect("200", *by_id["status"])
        before = sum(item["count"] for item in status["items"])
        body = self.bodies(by_id["check"][2])[0]
        decision = self.expect("200", *by_id["check"], body)
        after = sum(item["count"] for item in self.expect("200", *by_id["status"])["items"])
        if not decision["allowed"] or after != before + 1:
            raise Wrong(f"one more check is shown as {after} after {before}")
        if not self.expect("200", *by_id["reset"], {"key": body["key"]})["forgotten"]:
            raise Wrong("nothing is forgotten")

    def open(self):
        for path, method, operation in self.operations():
            self.expect("200", path, method, operation, self.bodies(operation)[0], key=False)
        for path, method, operation in self.operations("403"):
            host = {"Host": "evil.example.com"}
            self.expect("403", path, method, operation, self.bodies(operation)[0], key=False, headers=host)

    def bare(self):
        for path, method, operation in self.operations("501"):
            self.expect("501", path, method, operation)

    def busy(self):
        """As many wait as may: one, which this starts."""
        checks = {one["operationId"]: (path, method, one) for path, method, one in self.operations()}
        check = (*checks["check"], self.bodies(checks["check"][2])[0])
        threading.Thread(target=lambda: self.ask(*check), daemon=True).start()
        self.until(lambda: "spillway_http_waiting 1\n" in self.ask(*checks["metrics"])[1])
        for path, method, operation in self.operations("503"):
            if operation["operationId"] != "health":
                self.expect("503", path, method, operation, self.bodies(operation)[0])

    def away(self):
        checks = {one["operationId"]: (path, method, one) for path, method, one in self.operations()}
        self.until(lambda: self.ask(*checks["health"])[0] == "503")
        for name in ["status", "reset"]:
            self.expect("503", *checks[name], self.bodies(checks[name][2])[0])
        for body in self.bodies(checks["check"][2]):
            if self.expect("200", *checks["check"], body)["source"] != "none":
                raise Wrong("a check is counted though nobody counts")

    def until(self, is_so):
        end = time.monotonic() + 15
        while not is_so():
            if time.monotonic() > end:
                raise Wrong("not within 15 seconds")
            time.sleep(0.05)


def main():
    address, base, phase, key = sys.argv[1:]
    with urllib.request.urlopen(address, timeout=20) as answer:
        follower = Follower(json.load(answer), base, key)
    getattr(follower, phase)()
    print(json.dumps(sorted(follower.seen)))


main()
