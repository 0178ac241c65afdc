"""Gradients: of functions, of gradients, stopped, redefined."""

from dualnet.rosetta.row import EXACT, Row

ROWS = (
    Row(
        "gradient",
        tf="""
            with tf.GradientTape() as tape:
                tape.watch(x)
                loss = tf.reduce_sum(tf.sin(x) * y)
            tape.gradient(loss, x)
        """,
        torch="""
            x.requires_grad_()
            loss = torch.sum(torch.sin(x) * y)
            torch.autograd.grad(loss, x, create_graph=True)[0]
        """,
        note="a variable is watched of its own accord, a tensor is not; create_graph=True for gradients of it",
        without="""
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(tf.sin(x) * y)
            tape.gradient(loss, x, unconnected_gradients="zero")
        """,
        names=("tf.GradientTape", "torch.autograd.grad"),
    ),
    Row(
        "gradient of a variable",
        tf="""
            v = tf.Variable(x)
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(tf.sin(v) * y)
            tape.gradient(loss, v)
        """,
        torch="""
            p = torch.nn.Parameter(x)
            torch.sum(torch.sin(p) * y).backward()
            p.grad
        """,
        names=("tf.GradientTape", "torch.nn.Parameter"),
        gradients=False,
    ),
    Row(
        "gradients added up over batches",
        tf="""
            variable = tf.Variable(v)
            total = tf.zeros_like(v)
            for row in x:
                with tf.GradientTape() as tape:
                    loss = tf.reduce_sum(tf.sin(variable) * row)
                total += tape.gradient(loss, variable)
            total
        """,
        torch="""
            p = torch.nn.Parameter(v)
            for row in x:
                torch.sum(torch.sin(p) * row).backward()
            p.grad
        """,
        note="PyTorch adds to .grad until it is cleared, a tape does not",
        without="""
            p = torch.nn.Parameter(v)
            for row in x:
                p.grad = None
                torch.sum(torch.sin(p) * row).backward()
            p.grad
        """,
        names=("tf.GradientTape", "torch.nn.Parameter"),
        gradients=False,
    ),
    Row(
        "gradient of a vector",
        tf="""
            with tf.GradientTape() as tape:
                tape.watch(x)
                rows = tf.reduce_sum(x * x * y, 1)
            tape.gradient(rows, x)
        """,
        torch="""
            x.requires_grad_()
            rows = torch.sum(x * x * y, 1)
            torch.autograd.grad(rows, x, grad_outputs=torch.ones_like(rows), create_graph=True)[0]
        """,
        note="a tape sums the targets, PyTorch asks for their weights",
        without="""
            x.requires_grad_()
            rows = torch.sum(x * x * y, 1)
            torch.autograd.grad(rows, x)[0]
        """,
        names=("tf.GradientTape", "torch.autograd.grad"),
        difference="D213",
    ),
    Row(
        "gradient of what was not used",
        tf="""
            with tf.GradientTape() as tape:
                tape.watch((x, y))
                loss = tf.reduce_sum(x * x)
            tape.gradient(loss, y, unconnected_gradients="zero")
        """,
        torch="""
            x.requires_grad_()
            y.requires_grad_()
            loss = torch.sum(x * x)
            torch.autograd.grad(loss, y, materialize_grads=True)[0]
        """,
        note='unconnected_gradients="zero", materialize_grads=True: else None in TensorFlow, an error in PyTorch',
        without="""
            x.requires_grad_()
            y.requires_grad_()
            loss = torch.sum(x * x)
            torch.autograd.grad(loss, y)[0]
        """,
        names=("tf.GradientTape", "torch.autograd.grad"),
        within=EXACT,
        gradients=False,
        difference="D212",
    ),
    Row(
        "two gradients of one computation",
        tf="""
            with tf.GradientTape(persistent=True) as tape:
                tape.watch(x)
                z = tf.sin(x)
                a, b = tf.reduce_sum(z * y), tf.reduce_sum(z * z)
            tape.gradient(a, x), tape.gradient(b, x)
        """,
        torch="""
            x.requires_grad_()
            z = torch.sin(x)
            a, b = torch.sum(z * y), torch.sum(z * z)
            torch.autograd.grad(a, x, retain_graph=True) + torch.autograd.grad(b, x)
        """,
        note="persistent=True, retain_graph=True",
        without="""
            x.requires_grad_()
            z = torch.sin(x)
            a, b = torch.sum(z * y), torch.sum(z * z)
            torch.autograd.grad(a, x) + torch.autograd.grad(b, x)
        """,
        names=("tf.GradientTape", "torch.autograd.grad"),
        gradients=False,
        difference="D214",
    ),
    Row(
        "gradient stopped",
        tf=("x * tf.stop_gradient(tf.sin(x))", "x * keras.ops.stop_gradient(tf.sin(x))"),
        torch="x * torch.sin(x).detach()",
        note="detach shares memory with the tensor",
        without="x * torch.sin(x)",
        names=("tf.stop_gradient", "keras.ops.stop_gradient", "torch.sin"),
        difference="D219",
    ),
    Row(
        "computation without gradients",
        tf="""
            with tf.GradientTape() as tape:
                tape.watch(x)
                with tape.stop_recording():
                    z = tf.sin(x)
                loss = tf.reduce_sum(z * x)
            tape.gradient(loss, x)
        """,
        torch="""
            x.requires_grad_()
            with torch.no_grad():
                z = torch.sin(x)
            torch.autograd.grad(torch.sum(z * x), x)[0]
        """,
        note="TensorFlow records nothing outside of a tape",
        without="""
            x.requires_grad_()
            z = torch.sin(x)
            torch.autograd.grad(torch.sum(z * x), x)[0]
        """,
        names=("tf.GradientTape", "torch.no_grad"),
        gradients=False,
    ),
    Row(
        "gradient of a gradient",
        tf="""
            with tf.GradientTape() as outer:
                outer.watch(v)
                with tf.GradientTape() as inner:
                    inner.watch(v)
                    z = tf.reduce_sum(tf.exp(v))
                first = inner.gradient(z, v)
                loss = tf.reduce_sum(first * first)
            outer.gradient(loss, v)
        """,
        torch="""
            v.requires_grad_()
            first = torch.autograd.grad(torch.sum(torch.exp(v)), v, create_graph=True)[0]
            torch.autograd.grad(torch.sum(first * first), v)[0]
        """,
        note="one tape within another; create_graph=True",
        without="""
            v.requires_grad_()
            first = torch.autograd.grad(torch.sum(torch.exp(v)), v)[0]
            torch.autograd.grad(torch.sum(first * first), v)[0]
        """,
        names=("tf.GradientTape", "torch.autograd.grad"),
        gradients=False,
    ),
    Row(
        "Jacobian matrix",
        tf="""
            with tf.GradientTape() as tape:
                tape.watch(v)
                z = tf.sin(tf.linalg.matvec(x, v))
            tape.jacobian(z, v)
        """,
        torch="torch.func.jacrev(lambda v: torch.sin(x @ v))(v)",
        names=("tf.GradientTape", "torch.func.jacrev"),
    ),
    Row(
        "Jacobian matrix, the older way",
        tf="""
            with tf.GradientTape() as tape:
                tape.watch(v)
                z = tf.exp(v) * tf.reduce_sum(v)
            tape.jacobian(z, v)
        """,
        torch="torch.autograd.functional.jacobian(lambda v: torch.exp(v) * torch.sum(v), v)",
        names=("tf.GradientTape", "torch.autograd.functional.jacobian"),
        gradients=False,
    ),
    Row(
        "Hessian matrix",
        tf="""
            with tf.GradientTape() as outer:
                outer.watch(v)
                with tf.GradientTape() as inner:
                    inner.watch(v)
                    z = tf.reduce_sum(tf.exp(v)) * tf.reduce_sum(v)
                first = inner.gradient(z, v)
            outer.jacobian(first, v)
        """,
        torch="torch.func.hessian(lambda v: torch.sum(torch.exp(v)) * torch.sum(v))(v)",
        names=("tf.GradientTape", "torch.func.hessian"),
    ),
    Row(
        "Hessian times vector",
        tf="""
            with tf.GradientTape() as outer:
                outer.watch(v)
                with tf.GradientTape() as inner:
                    inner.watch(v)
                    z = tf.reduce_sum(tf.exp(v)) * tf.reduce_sum(v)
                first = inner.gradient(z, v)
            outer.gradient(first, v, output_gradients=u)
        """,
        torch="torch.autograd.functional.hvp(lambda v: torch.sum(torch.exp(v)) * torch.sum(v), v, u)[1]",
        names=("tf.GradientTape", "torch.autograd.functional.hvp"),
        gradients=False,
    ),
    Row(
        "vector times Jacobian",
        tf="""
            with tf.GradientTape() as tape:
                tape.watch(v)
                z = tf.exp(v) * tf.reduce_sum(v)
            tape.gradient(z, v, output_gradients=u)
        """,
        torch="""
            z, pull = torch.func.vjp(lambda v: torch.exp(v) * torch.sum(v), v)
            pull(u)[0]
        """,
        names=("tf.GradientTape", "torch.func.vjp"),
    ),
    Row(
        "Jacobian times vector, forwards",
        tf="""
            with tf.autodiff.ForwardAccumulator(v, u) as accumulator:
                z = tf.exp(v) * tf.reduce_sum(v)
            accumulator.jvp(z)
        """,
        torch="torch.func.jvp(lambda v: torch.exp(v) * torch.sum(v), (v,), (u,))[1]",
        names=("tf.autodiff.ForwardAccumulator", "torch.func.jvp"),
    ),
    Row(
        "gradient of each row",
        tf="""
            with tf.GradientTape() as tape:
                tape.watch(x)
                z = tf.reduce_sum(tf.sin(x) * v, 1)
            tape.gradient(z, x)
        """,
        torch="torch.func.vmap(torch.func.grad(lambda row: torch.sum(torch.sin(row) * v)))(x)",
        names=("tf.GradientTape", "torch.func.vmap", "torch.func.grad"),
    ),
    Row(
        "function of every row",
        tf=(
            "tf.map_fn(lambda row: tf.reduce_sum(tf.sin(row) * v), x)",
            "tf.vectorized_map(lambda row: tf.reduce_sum(tf.sin(row) * v), x)",
        ),
        torch="torch.vmap(lambda row: torch.sum(torch.sin(row) * v))(x)",
        names=("tf.map_fn", "tf.vectorized_map", "torch.vmap"),
    ),
    Row(
        "gradient of one's own",
        tf="""
            @tf.custom_gradient
            def double(x):
                return 2 * x, lambda upstream: 3 * upstream

            double(x)
        """,
        torch="""
            class Double(torch.autograd.Function):
                @staticmethod
                def forward(ctx, x):
                    return 2 * x

                @staticmethod
                def backward(ctx, upstream):
                    return 3 * upstream

            Double.apply(x)
        """,
        note="the backward step is a function in TensorFlow, a method in PyTorch",
        without="2 * x",
        names=("tf.custom_gradient", "torch.autograd.Function"),
    ),
    Row(
        "rounding with the gradient of the identity",
        tf="x + tf.stop_gradient(tf.round(x) - x)",
        torch="x + (torch.round(x) - x).detach()",
        note="stopped on both sides: rounding itself has no gradient",
        without="torch.round(x)",
        names=("tf.stop_gradient", "torch.round"),
        difference="D211",
    ),
    Row(
        "gradient reversed",
        tf="2 * tf.stop_gradient(x) - x",
        torch="2 * x.detach() - x",
        names=("tf.stop_gradient", "torch.Tensor.detach"),
        within=EXACT,
    ),
    Row(
        "embedding's gradient",
        tf="""
            with tf.GradientTape() as tape:
                tape.watch(table)
                z = tf.reduce_sum(tf.gather(table, tokens))
            tf.convert_to_tensor(tape.gradient(z, table))
        """,
        torch="""
            table.requires_grad_()
            torch.autograd.grad(torch.sum(table[tokens]), table)[0]
        """,
        note="convert_to_tensor: TensorFlow's is a tf.IndexedSlices",
        without="""
            with tf.GradientTape() as tape:
                tape.watch(table)
                z = tf.reduce_sum(tf.gather(table, tokens))
            tape.gradient(z, table).values
        """,
        names=("tf.convert_to_tensor", "torch.autograd.grad"),
        gradients=False,
        difference="D216",
    ),
    Row(
        "computation repeated for its gradient",
        tf="tf.recompute_grad(lambda x: tf.sin(tf.exp(x)))(x)",
        torch="torch.utils.checkpoint.checkpoint(lambda x: torch.sin(torch.exp(x)), x, use_reentrant=False)",
        names=("tf.recompute_grad", "torch.utils.checkpoint.checkpoint"),
    ),
    Row(
        "compiled function",
        tf="""
            @tf.function(autograph=False)
            def compiled(x):
                return tf.sin(x) * x

            compiled(x)
        """,
        torch="""
            @torch.compile(backend="eager")
            def compiled(x):
                return torch.sin(x) * x

            compiled(x)
        """,
        note='without backend="eager" PyTorch makes machine code',
        names=("tf.function", "torch.compile"),
    ),
    Row(
        "choice by a number",
        tf=(
            "tf.cond(x[0, 0] > 9.0, lambda: x, lambda: 2 * x)",
            "keras.ops.cond(x[0, 0] > 9.0, lambda: x, lambda: 2 * x)",
        ),
        torch="x if x[0, 0] > 9.0 else 2 * x",
        names=("tf.cond", "keras.ops.cond", "torch.Tensor.__getitem__"),
        within=EXACT,
    ),
    Row(
        "loop",
        tf=(
            "tf.while_loop(lambda i, z: i < 3, lambda i, z: (i + 1, tf.sin(z)), (tf.constant(0), x))[1]",
            "keras.ops.fori_loop(0, 3, lambda i, z: tf.sin(z), x)",
        ),
        torch="""
            z = x
            for _ in range(3):
                z = torch.sin(z)
            z
        """,
        names=("tf.while_loop", "keras.ops.fori_loop", "torch.sin"),
    ),
)
