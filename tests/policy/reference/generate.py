# SPDX-License-Identifier: Apache-2.0
"""Random policies and questions for the reference model, and the lines that judge_stdin reads. The pools are
small, so that what is drawn meets."""
from model import FIELD_TYPES, ONE, PHASES, RISKS

VERDICTS = ["deny", "require_approval", "allow"]
CLASSES = ["other", "read", "check", "plan", "run", "apply", "destroy"]
OPERATIONS = ["READ", "WRITE", "DELETE", "EXECUTE", "NETWORK"]
PLANS = ["none", "required", "bound"]
ONS = ["deny", "ask", "violate"]
GUARDS = ["cerberus", "pass_thru", "criteria", "route", "ttl", "composite"]
POINTS = ["none", "run_start", "phase_enter", "phase_exit", "action", "approval_create", "stage_enter",
          "stage_join", "run_exit"]
LOGICS = ["all", "any", "not"]
FAILS = ["deny", "wait", "cancel_children", "violate"]
COMPARES = ["eq", "ne", "gt", "ge", "lt", "le", "contains", "not_contains", "exists", "not_exists", "in", "glob"]
ROLES = ["none", "viewer", "operator", "admin"]
KINDS = ["none", "exec", "read", "write", "delete", "connect", "listen", "transition"]
PLACES = ["unknown", "tool", "workspace"]
ENFORCE = ["off", "auto", "strict"]
GATES = ["kill_switch", "not_running", "lease", "breaker", "budget", "token", "self", "health"]
MODES = ["enforce", "permissive", "learn"]
PLAN_STATUSES = ["NONE", "DRAFT", "SUBMITTED", "APPROVED", "ACTIVE", "COMPLETED", "REJECTED", "EXPIRED", "ABORTED"]
COVERS = ["none", "inputs_differ", "argv", "bound"]
CHECKS = ["missing", "failed", "inputs_differ", "ok"]
ANSWERS = ["none", "rejected", "expired", "nobody"]
GRANTS = ["none", "approval", "plan_step", "waiver"]
TYPES = {"absent": 0, None: 1, str: 2, int: 3, bool: 4, "time": 5}
FIELDS = list(FIELD_TYPES)
STATUSES = range(8)

PROGRAMS = ["git", "rm", "kubectl", "hub", "tar"]
ARGUMENTS = ["push", "pull", "apply", "-f", "--force", "-rf", "-fr", "-C", "--x=y", "--x", "--", "-", "-xf", "-r",
             "--force=no", "-v=f", "a", "push=", "%"]
OPTIONS = ["-f", "--force", "-r", "-C", "--x", "-x", "-v", "-rf"]
OPERANDS = ["push", "pull", "apply", "a"]
PATHS = ["/w", "/w/a", "/w/build", "/w/build/x", "/wx", "/srv/prod", "/srv/prod/db", "/"]
EXES = ["/usr/bin/git", "/w/a", "/tmp/x"]
PRINCIPALS = ["agent:ci-a", "agent:ci-b", "agent:coder", "agent:x/y"]
GLOBS = ["agent:ci-*", "*", "agent:coder", "agent:?i-a", "*y", "agent:ci", "agent:*-*a"]
USERS = ["user:ann", "user:bob", "agent:ci-a"]
NETS = ["10.0.0.0/8", "10.1.2.3:443", "*.example.com", "db.example.com:5432", "example.com"]
HOSTS = ["", "db.example.com", "example.com", "a.b.example.com", "badexample.com"]
ADDRESSES = ["10.1.2.3", "10.9.9.9", "192.0.2.7"]
VARIABLES = ["AWS_PROFILE=prod-eu", "AWS_PROFILE=dev", "KUBECONFIG=/h/prod/x", "AWS=prod"]
VARIABLE_GLOBS = ["AWS_PROFILE=prod*", "KUBECONFIG=*prod*", "AWS=?rod", "X="]
TEXTS = ["a", "APPROVED", "HIGH", "CRITICAL", "RUNNING", "sha256:" + "ab" * 32, "coder", "abc"]
NUMBERS = [0, ONE, 2 * ONE, 700000, 3]
TIMES = [0, 1000, 5000, 9000, 20000]
NOW = 10000
DIGESTS = ["00" * 32, "11" * 32, "22" * 32]


class Generator:
    def __init__(self, random):
        self.random = random

    def chance(self, part):
        return self.random.random() < part

    def pick(self, pool):
        return self.random.choice(pool)

    def some(self, pool, most=3, least=1):
        count = self.random.randint(least, min(most, len(pool)))
        return self.random.sample(list(pool), count)

    def shuffled(self, table):
        items = list(table.items())
        self.random.shuffle(items)
        return dict(items)

    # ---- policies ----

    def line(self):
        choices = []
        for _ in range(self.random.randint(0, 3)):
            choices.append("|".join(self.some(OPTIONS if self.chance(0.5) else OPERANDS, 2)))
        return ["|".join(self.some(PROGRAMS, 2))] + choices

    def capability(self, exec_lines=True):
        risk = self.pick(RISKS)
        high = risk in ("HIGH", "CRITICAL")
        cls = self.pick(CLASSES if high else CLASSES[:5])
        return {"risk": risk, "class": cls, "operation": self.pick([o for o in OPERATIONS if high or o != "DELETE"]),
                "reversible": not high, "clusters": self.chance(0.4), "asks": self.chance(0.1),
                "frozen": self.chance(0.05), "plan": self.pick(PLANS) if cls in ("apply", "destroy") else "none",
                "check": None, "check_ttl": 100, "takes_value": self.some(OPTIONS, 2, 0),
                "unless": self.some(OPTIONS, 2) if self.chance(0.2) else [],
                "exec": [self.line() for _ in range(self.random.randint(1, 3))] if exec_lines else []}

    def capabilities(self):
        table = {}
        for name in ("exec.tool", "exec.workspace", "exec.unknown", "io.fs.read", "io.fs.write", "io.net.connect"):
            if self.chance(0.9):
                table[name] = self.capability(False)
        for i in range(self.random.randint(1, 7)):
            table[f"c{i}"] = self.capability()
        table = self.shuffled(table)
        for capability in table.values():
            if capability["class"] == "run" and self.chance(0.8):
                capability["check"] = self.pick(list(table))
        return table

    def environments(self):
        return self.shuffled({f"e{i}": {
            "class": self.pick(["pool", "prod"]), "min_tier": self.random.randint(0, 4), "on": self.pick(ONS),
            "owners": self.some(GLOBS, 2, 0), "nets": self.some(NETS, 2, 0),
            "paths": self.some(PATHS[1:7], 2, 0), "env": self.some(VARIABLE_GLOBS, 2, 0)}
            for i in range(self.random.randint(0, 3))})

    def when(self, policy):
        if self.chance(0.15):
            return {"any": True}
        keys = {"class": lambda: self.some(CLASSES, 4), "risk": lambda: self.some(RISKS, 3),
                "operation": lambda: self.some(OPERATIONS, 4), "phase": lambda: self.some(PHASES, 5),
                "capability": lambda: self.some(list(policy["capabilities"]), 4),
                "principal": lambda: self.some(GLOBS, 2), "exe": lambda: self.some(EXES, 2),
                "option": lambda: self.some(OPTIONS, 3), "path_under": lambda: self.some(PATHS, 3)}
        if policy["environments"]:
            keys["environment"] = lambda: self.some(list(policy["environments"]), 2)
        wanted = self.random.choices(list(keys), [4, 4, 2, 2, 4, 1, 1, 1, 1, 1][:len(keys)],
                                     k=self.random.randint(1, 2))
        return {key: keys[key]() for key in wanted}

    def rules(self, policy):
        table = {}
        for i in range(self.random.randint(0, 7)):
            verdict = self.random.choices(VERDICTS, [1, 2, 5])[0]
            table[f"r{i}"] = {"when": self.when(policy), "verdict": verdict, "unless": [],
                              "violate": verdict == "deny" and self.chance(0.3),
                              "accepts": self.pick(RISKS) if verdict == "allow" and self.chance(0.5) else None}
        table = self.shuffled(table)
        accepting = [id_ for id_, rule in table.items() if rule["accepts"]]
        for id_, rule in table.items():
            if self.chance(0.3):
                rule["unless"] = [a for a in self.some(accepting, 2, 0) if a != id_]
        return table

    def condition(self):
        field = self.pick(FIELDS)
        kind = FIELD_TYPES[field]
        fits = {str: ["eq", "ne", "contains", "not_contains", "exists", "not_exists", "in", "glob"],
                int: ["eq", "ne", "gt", "ge", "lt", "le", "exists", "not_exists"],
                bool: ["eq", "ne", "exists", "not_exists"], "time": ["exists", "not_exists"]}[kind]
        compare = self.pick(fits)
        value = {str: lambda: self.pick(TEXTS + ["${policy_digest}"]), int: lambda: self.pick(NUMBERS),
                 bool: lambda: self.chance(0.5), "time": lambda: None}[kind]()
        if compare == "in":
            value = self.some(TEXTS, 3)
        elif compare == "glob":
            value = self.pick(["*", "A*", "a?c", "*H", "sha256:*", ""])
        elif compare in ("exists", "not_exists"):
            value = None
        return field, compare, value

    def guard(self, earlier):
        kind = self.pick(GUARDS if earlier else GUARDS[:5])
        point = self.random.choices(POINTS, [3, 1, 2, 2, 5, 3, 1, 1, 1])[0]
        texts = [f for f, t in FIELD_TYPES.items() if t is str]
        times = [f for f, t in FIELD_TYPES.items() if t == "time"]
        guard = {"type": kind, "point": point, "phase": "BOOTSTRAP", "on_fail": self.pick(FAILS),
                 "logic": self.pick(LOGICS[:2]), "field": self.pick(times if kind == "ttl" else texts),
                 "min": self.random.randint(0, 1), "max": self.random.randint(1, 3), "ns": self.pick([100, 5000]),
                 "accept": self.some(STATUSES, 7), "conditions": [], "parts": [], "routes": {}, "usual": []}
        if point.startswith("phase_"):
            guard["phase"] = self.pick(PHASES[2:5])
        targets = ["role:viewer", "role:operator", "role:admin", "user:ann", "pool:a"]
        if kind == "criteria":
            guard["conditions"] = [self.condition() for _ in range(self.random.randint(1, 3))]
        elif kind == "composite":
            guard["logic"] = self.pick(LOGICS)
            guard["parts"] = self.some(earlier, 1 if guard["logic"] == "not" else 3)
        elif kind == "route":
            guard["routes"] = {t: self.some(targets, 2) for t in self.some(TEXTS, 3)}
            guard["usual"] = self.some(targets, 2, 0)
        return guard

    def policy(self):
        policy = {"capabilities": self.capabilities(), "environments": self.environments()}
        policy["std"] = {place: f"exec.{place}" if f"exec.{place}" in policy["capabilities"] else None
                         for place in PLACES}
        policy["rules"] = self.rules(policy)
        policy["guards"] = {}
        for i in self.random.sample(range(9), self.random.choice([0, 0, 0, 1, 2, 4, 6])):
            policy["guards"][f"g{i}"] = self.guard(list(policy["guards"]))
        policy["exit_guards"] = {phase: self.pick(list(policy["guards"])) for phase in PHASES[2:5]
                                 if policy["guards"] and self.chance(0.3)}
        policy["enforce"] = self.pick(ENFORCE)
        policy["budget_violates"] = self.chance(0.5)
        policy["high_risk"] = self.some(STATUSES, 3, 0)
        policy["approvals"] = {risk: {"role": self.pick(ROLES), "count": self.random.randint(1, 3),
                                      "self": self.chance(0.5), "of": self.some(USERS[:2], 2, 0)}
                               for risk in RISKS}
        return policy

    # ---- questions ----

    def action(self, policy, kind):
        exe, names = self.pick(EXES), self.some(PROGRAMS + ["other"], 2, 0)
        return {"kind": kind, "principal": self.pick(PRINCIPALS), "names": names if kind == "exec" else [],
                "argv": [self.pick(PROGRAMS)] + [self.pick(ARGUMENTS).replace("%", "")
                                                 for _ in range(self.random.randint(0, 4))],
                "cut": self.chance(0.03), "exe": exe, "place": self.random.choices(PLACES, [1, 6, 3])[0],
                "paths": self.some(PATHS, 2, 0), "paths_cut": self.chance(0.03),
                "environments": self.some(list(policy["environments"]), 2, 0)
                if policy["environments"] and self.chance(0.4) else [],
                "digest": self.pick(DIGESTS), "transition": self.pick(STATUSES), "host": self.pick(HOSTS),
                "addr": self.pick(ADDRESSES), "port": self.pick([443, 5432])}

    def value(self, field):
        """A pair as models read it: usually of the right type."""
        kind = FIELD_TYPES[field] if self.chance(0.9) else self.pick([None, str, int, bool, "time"])
        return {None: lambda: None, str: lambda: self.pick(TEXTS + [""]), int: lambda: self.pick(NUMBERS),
                bool: lambda: self.chance(0.5), "time": lambda: ("time", self.pick(TIMES))}[kind]()

    def grant(self, policy, id_):
        names = list(policy["rules"]) + list(policy["guards"]) + list(policy["environments"]) + ["plan", "check"]
        return {"kind": self.pick(GRANTS), "max_risk": self.random.randint(0, 3), "uses": self.pick([0, 1, 2]),
                "id": id_, "expires": self.pick([NOW, NOW + 1, NOW + 1000]), "digest": self.pick(DIGESTS),
                "rule": self.pick(names)}

    def snapshot(self, policy):
        children = self.random.randint(0, 3)
        fields = {f: self.value(f) for f in self.some(FIELDS, 20, 8)}
        if self.chance(0.8):
            fields.update({"run.status": "RUNNING", "agent.name": "coder"})
        ids = self.random.sample(range(1, 30), self.random.choice([0, 0, 1, 2, 4]))
        return {"gates": self.some(GATES, 2) if self.chance(0.12) else [],
                "mode": self.random.choices(MODES, [8, 1, 1])[0], "phase": self.random.choices(
                    PHASES, [1, 1, 3, 12, 2, 1, 1, 1, 1])[0], "reported": self.chance(0.5),
                "tier": self.random.choices(range(5), [1, 1, 4, 4, 1])[0], "plan_status": self.random.choices(
                    PLAN_STATUSES, [2, 1, 1, 5, 5, 1, 1, 1, 1])[0], "plan_cover": self.pick(COVERS + ["bound"]),
                "check": self.random.choices(CHECKS, [1, 1, 1, 5])[0], "check_age": self.pick([0, 100, 101]),
                "children": children, "children_live": self.random.choice([0, 0, 1]),
                "children_status": self.some(range(5, 8), 2, 0), "point_age": self.pick([0, 100, 101, 5000]),
                "same_denied": self.pick([0, 3, 4, 9]), "answer": self.random.choices(ANSWERS, [8, 1, 1, 1])[0],
                "policy_digest": self.pick(["ab" * 32, "cd" * 32]), "fields": fields,
                "grants": [self.grant(policy, id_) for id_ in ids]}


# ---- lines -----------------------------------------------------------------------------------------

def words(items):
    return ",".join(i or "%" for i in items) if items else "-"


def bits(names, order):
    order = list(order)
    return ",".join(str(order.index(n)) for n in names) if names else "-"


def policy_lines(policy):
    yield "new"
    ids = list(policy["capabilities"])
    for id_, c in policy["capabilities"].items():
        yield (f"cap {id_} {RISKS.index(c['risk'])} {CLASSES.index(c['class'])} {OPERATIONS.index(c['operation'])} "
               f"{c['reversible']:d} {c['clusters']:d} {c['asks']:d} {c['frozen']:d} {PLANS.index(c['plan'])} "
               f"{ids.index(c['check']) if c['check'] else '-'} {c['check_ttl']} {words(c['takes_value'])} "
               f"{words(c['unless'])}")
        for line in c["exec"]:
            yield "exec " + " ".join(line)
    yield "std " + " ".join("-" if policy["std"][p] is None else str(ids.index(policy["std"][p]))
                            for p in ("tool", "workspace", "unknown"))
    for id_, e in policy["environments"].items():
        yield (f"env {id_} {int(e['class'] == 'prod')} {e['min_tier']} {ONS.index(e['on'])} {words(e['owners'])} "
               f"{words(e['nets'])} {words(e['paths'])} {words(e['env'])}")
    for id_, r in policy["rules"].items():
        w = r["when"]
        yield (f"rule {id_} {VERDICTS.index(r['verdict'])} {2 if r['violate'] else 0} "
               f"{RISKS.index(r['accepts']) + 1 if r['accepts'] else 0} {int('any' in w)} "
               f"{bits(w.get('class'), CLASSES)} {bits(w.get('risk'), RISKS)} "
               f"{bits(w.get('operation'), OPERATIONS)} {bits(w.get('environment'), policy['environments'])} "
               f"{bits(w.get('phase'), PHASES)} {bits(w.get('capability'), ids)} {words(w.get('principal'))} "
               f"{words(w.get('exe'))} {words(w.get('option'))} {words(w.get('path_under'))} "
               f"{bits(r['unless'], policy['rules'])}")
    order = list(policy["guards"])
    for id_, g in policy["guards"].items():
        yield (f"guard {id_} {GUARDS.index(g['type'])} {POINTS.index(g['point'])} {PHASES.index(g['phase'])} "
               f"{LOGICS.index(g['logic'])} {FAILS.index(g['on_fail'])} {FIELDS.index(g['field'])} {g['min']} "
               f"{g['max']} {g['ns']} {bits(g['accept'], STATUSES)}")
        for field, compare, value in g["conditions"]:
            start = f"cond {FIELDS.index(field)} {COMPARES.index(compare)} "
            if isinstance(value, (bool, int)):
                yield start + f"n {int(value)}"
            else:
                yield start + "t " + (words(value) if isinstance(value, list) else (value or "%"))
        for part in g["parts"]:
            yield f"part {order.index(part)}"
        for value, targets in g["routes"].items():
            yield f"route {value} {words(targets)}"
        if g["usual"]:
            yield f"usual {words(g['usual'])}"
    yield f"settings {ENFORCE.index(policy['enforce'])} {policy['budget_violates']:d} {bits(policy['high_risk'], STATUSES)}"
    for risk, a in policy["approvals"].items():
        yield (f"approval {RISKS.index(risk)} {ROLES.index(a['role'])} {a['count']} {a['self']:d} "
               f"{words(a['of'])}")
    for phase, guard in policy["exit_guards"].items():
        yield f"exit {PHASES.index(phase)} {order.index(guard)}"
    yield "end"


def question_lines(policy, question):
    a, s = question["action"], question["snapshot"]
    addr = "00" * 10 + "ffff" + "".join(f"{int(b):02x}" for b in a["addr"].split("."))
    yield (f"ask {POINTS.index(question['point'])} {PHASES.index(question['phase'])} {KINDS.index(a['kind'])} "
           f"{a['principal']} {PLACES.index(a['place'])} {a['exe']} {a['cut']:d} {a['paths_cut']:d} "
           f"{bits(a['environments'], policy['environments'])} {a['digest']} {a['transition']} {words(a['names'])} "
           f"{words(a['argv'])} {words(a['paths'])}")
    yield f"reach {a['host'] or '%'} {a['port']} {addr} {words(question['variables'])}"
    yield (f"snap {bits(s['gates'], GATES)} {MODES.index(s['mode'])} {PHASES.index(s['phase'])} {s['reported']:d} "
           f"{s['tier']} {PLAN_STATUSES.index(s['plan_status'])} {COVERS.index(s['plan_cover'])} "
           f"{CHECKS.index(s['check'])} {s['check_age']} {s['children']} {s['children_live']} "
           f"{bits(s['children_status'], STATUSES)} {s['point_age']} {s['same_denied']} "
           f"{ANSWERS.index(s['answer'])} {s['policy_digest']}")
    for name, value in s["fields"].items():
        kind = "time" if isinstance(value, tuple) else None if value is None else type(value)
        text = {None: lambda: "0", str: lambda: value or "%", "time": lambda: str(value[1])}.get(
            kind, lambda: str(int(value)))()
        yield f"field {FIELDS.index(name)} {TYPES[kind]} {text}"
    for g in s["grants"]:
        yield (f"grant {GRANTS.index(g['kind'])} {g['max_risk']} {g['uses']} {g['id']} {g['expires']} {g['digest']} "
               f"{g['rule']}")
    yield f"who {question['user']} {ROLES.index(question['role'])} {question['caller']:d}"
    yield f"go {NOW}"
