"""Solutions that never met, and copies of one: to see how often `similarity` is wrong.

A solution is drawn from templates in which {a|b} stands for one of several ways to write the same; three functions have
about 10^10 forms. A copy has other names, numbers, remarks, docstring, annotations and layout, statements in another
order where that does not matter, and a line that does nothing.
"""

import ast
import re

TEMPLATES = {
    "q1": """
def score(logits, action):
    {z = np.asarray(logits, dtype=float)|z = np.array(logits)|z = logits}
    {w = np.exp(z - {z.max()|np.max(z)|max(z)})|shift = {z.max()|np.max(z)}
    w = np.exp(z - shift)|w = np.array([np.exp(x - {z.max()|max(z)}) for x in z])}
    {p = w / {w.sum()|np.sum(w)|sum(w)}|total = {w.sum()|np.sum(w)}
    p = w / total|p = np.zeros(len(w))
    for i in range(len(w)):
        p[i] = w[i] / {w.sum()|sum(w)}}
    {one = np.zeros({len(z)|z.shape[0]|p.size})
    one[action] = 1{|.0}
    return one - p|grad = -p
    grad[action] += 1
    return grad|return np.eye({len(z)|len(p)})[action] - p|g = []
    for i in range(len(p)):
        {g.append((1 if i == action else 0) - p[i])|g.append(float(i == action) - p[i])}
    return np.array(g)|return np.array([{(i == action)|int(i == action)} - q for i, q in enumerate(p)])|
    return np.where(np.arange(len(p)) == action, 1 - p, -p)}
""",
    "q2": """
def returns(rewards, gamma):
    {n = len(rewards)|n = np.shape(rewards)[0]|rewards = np.asarray(rewards)
    n = rewards.size}
    {g = 0{|.0}
    out = {np.zeros(n)|np.empty(n)|[0] * n}
    for t in {reversed(range(n))|range(n - 1, -1, -1)}:
        {g = rewards[t] + gamma * g|g *= gamma
        g += rewards[t]}
        out[t] = g
    return {out|np.array(out)}|out = []
    for t in range(n):
        {out.append(sum(gamma ** (k - t) * rewards[k] for k in range(t, n)))|s = 0
        for k in range(t, n):
            s += gamma ** {(k - t)|(-t + k)} * rewards[k]
        out.append(s)}
    return np.array(out)|out = [rewards[-1]]
    for r in {rewards[-2::-1]|list(rewards)[:-1][::-1]}:
        {out.append(r + gamma * out[-1])|out.insert(0, r + gamma * out[0])}
    return np.array({out[::-1]|list(reversed(out))|out})|powers = gamma ** np.arange(n)
    {tail = np.cumsum((powers * rewards)[::-1])[::-1]|weighted = powers * rewards
    tail = np.flip(np.cumsum(np.flip(weighted)))}
    return tail / powers|def go(t):
        {if t == n: return 0.0
        return rewards[t] + gamma * go(t + 1)|return rewards[t] + gamma * go(t + 1) if t < n else 0.0}
    return np.array([go(t) for t in range(n)])}
""",
    "q3": """
def advantages(rewards, values, gamma, lam):
    {n = len(rewards)|n = rewards.shape[0]}
    {delta = rewards + gamma * values[1:] - values[:-1]|delta = np.zeros(n)
    for t in range(n):
        delta[t] = rewards[t] + gamma * values[t + 1] - values[t]|
    delta = [rewards[t] - values[t] + gamma * values[t + 1] for t in range(n)]|
    target = rewards + gamma * values[1:]
    delta = target - values[:n]}
    {a = np.zeros({n|n + 1|len(rewards)})|a = np.zeros_like(values)}
    {acc = 0{|.0}
    for t in {range(n)[::-1]|reversed(range(n))|range(n - 1, -1, -1)}:
        {acc = delta[t] + gamma * lam * acc
        a[t] = acc|a[t] = delta[t] + gamma * lam * acc
        acc = a[t]}|a[n - 1] = delta[n - 1]
    {t = n - 2
    while t >= 0:
        a[t] = delta[t] + gamma * lam * a[t + 1]
        t -= 1|for t in range(n - 2, -1, -1):
        a[t] = delta[t] + lam * gamma * a[t + 1]}|for t in range(n):
        {for k in range(t, n):
            a[t] += (gamma * lam) ** (k - t) * delta[k]|weights = (gamma * lam) ** np.arange(n - t)
        a[t] = {np.dot(weights, delta[t:])|(weights * delta[t:]).sum()|weights @ delta[t:]}}}
    return a{[:n]|[: len(rewards)]}
""",
}
WORDS = [
    f"{a}{b}" for a in ("my_", "the_", "new", "x_", "all_", "v") for b in ("sum", "vals", "probs", "tmp", "k", "out")
]


def drawn(template, rng):
    """One of the forms of a template."""
    while True:
        text = re.sub(r"\{([^{}]*)\}", lambda found: rng.choice(found[1].split("|")), template)
        if text == template:
            return text
        template = text


def honest(rng):
    """The cells of one who wrote them alone."""
    return {item: drawn(template, rng) for item, template in TEMPLATES.items()}


class _Renamed(ast.NodeTransformer):
    def __init__(self, names):
        self.names = names

    def visit_Name(self, node):
        node.id = self.names.get(node.id, node.id)
        return node

    def visit_arg(self, node):
        node.arg, node.annotation = self.names.get(node.arg, node.arg), ast.Name("list")
        return node

    def visit_Constant(self, node):
        return ast.Constant(node.value * 1.0 if isinstance(node.value, int | float) else node.value)


def _names(node, context):
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, context)}


def _free(first, second):
    """Whether two plain assignments may change places."""
    if not (isinstance(first, ast.Assign) and isinstance(second, ast.Assign)):
        return False
    sets = [_names(one, ast.Store) for one in (first, second)]
    reads = [_names(one, ast.Load) for one in (first, second)]
    return not (sets[0] & reads[1] or sets[1] & reads[0] or sets[0] & sets[1])


def copied(source, rng):
    """What is handed in of another's cell."""
    tree = ast.parse(source)
    (function,) = tree.body
    own = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)} | _names(tree, ast.Store)
    names = dict(zip(sorted(own), rng.sample(WORDS, len(own)), strict=True))
    body = function.body
    for place in range(len(body) - 1):
        if _free(*body[place : place + 2]) and rng.random() < 0.7:
            body[place : place + 2] = body[place + 1], body[place]
    body.insert(rng.randrange(len(body)), ast.parse("check = 0").body[0])
    _Renamed(names).visit(tree)
    body.insert(0, ast.Expr(ast.Constant("All my own work.")))
    return ast.unparse(ast.fix_missing_locations(tree)).replace("\n", "\n\n")
