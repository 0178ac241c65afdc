"""Optimizers, schedules of the learning rate, gradient clipping: some steps on the same gradients.

Rates and decays are powers of two: Keras keeps them in float32.
"""

from dualnet.rosetta.row import CLOSE, FLOAT32, Row

KERAS_STEPS = """
    v = tf.Variable(w)
    optimizer = {}
    for gradient in g:
        optimizer.apply([gradient], [v])
    v
"""
TORCH_STEPS = """
    p = torch.nn.Parameter(w.clone())
    optimizer = {}
    for gradient in g:
        p.grad = gradient
        optimizer.step()
    p
"""
KERAS_RATES = """
    schedule = {}
    tf.stack([schedule(step) for step in range(8)])
"""
TORCH_RATES = """
    optimizer = torch.optim.SGD([torch.nn.Parameter(w)], lr=0.5)
    schedule = {}
    found = []
    for step in range(8):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    torch.tensor(found)
"""


def steps(optimizer: str) -> str:
    """What either side does with an optimizer: a weight, a step for each gradient, the weight again."""
    return (KERAS_STEPS if optimizer.startswith("keras") else TORCH_STEPS).format(optimizer)


def rates(schedule: str) -> str:
    """The learning rate at each of eight steps under a schedule of either side."""
    return (KERAS_RATES if schedule.startswith("keras") else TORCH_RATES).format(schedule)


def rule(
    title: str,
    keras: str,
    torch: str,
    note: str = "",
    *,
    without: tuple[str, ...] = (),
    difference: str = "",
    within: float = CLOSE,
) -> Row:
    """An optimizer on both sides."""
    return Row(
        title,
        steps(f"keras.optimizers.{keras}"),
        steps(f"torch.optim.{torch}"),
        note,
        without=tuple(steps(("keras.optimizers." if "[p]" not in one else "torch.optim.") + one) for one in without),
        names=(f"keras.optimizers.{keras.partition('(')[0]}", f"torch.optim.{torch.partition('(')[0]}"),
        gradients=False,
        difference=difference,
        within=within,
    )


def schedule(
    title: str, keras: str, torch: str, note: str = "", *, without: tuple[str, ...] = (), difference: str = ""
) -> Row:
    """A schedule on both sides, called once in each step; Keras computes it in float32."""
    keras_names, torch_names = "keras.optimizers.schedules.", "torch.optim.lr_scheduler."
    return Row(
        title,
        rates(keras_names + keras),
        rates(torch_names + torch),
        note,
        without=tuple(rates((torch_names if "optimizer" in one else keras_names) + one) for one in without),
        names=(keras_names + keras.partition("(")[0], torch_names + torch.partition("(")[0]),
        within=FLOAT32,
        difference=difference,
    )


ROWS = (
    rule(
        "gradient descent",
        "SGD(0.125)",
        "SGD([p], lr=0.125)",
        "the rate: 0.01 by default in Keras, 0.001 in PyTorch",
        without=("SGD()", "SGD([p])"),
        difference="D182",
    ),
    rule(
        "gradient descent with momentum",
        "SGD(0.125, momentum=0.5)",
        "SGD([p], lr=0.125, momentum=0.5)",
        "equal while the rate stays: Keras keeps it in the velocity, PyTorch does not",
        difference="D161",
    ),
    Row(
        "gradient descent with momentum while the rate changes",
        """
            v = tf.Variable(w)
            optimizer = keras.optimizers.SGD(0.5, momentum=0.5)
            for rate, gradient in zip([0.5, 0.25, 0.0625, 0.125], g):
                optimizer.learning_rate = rate
                optimizer.apply([gradient], [v])
            v
        """,
        """
            p = torch.nn.Parameter(w.clone())
            optimizer = torch.optim.SGD([p], lr=0.5, momentum=0.5)
            for rate, gradient in zip([0.5, 0.25, 0.0625, 0.125], g):
                for state in optimizer.state.values():
                    state["momentum_buffer"] *= optimizer.param_groups[0]["lr"] / rate
                optimizer.param_groups[0]["lr"] = rate
                p.grad = gradient
                optimizer.step()
            p
        """,
        "the buffer times old rate / new rate: Keras keeps the rate in the velocity, PyTorch does not",
        without="""
            p = torch.nn.Parameter(w.clone())
            optimizer = torch.optim.SGD([p], lr=0.5, momentum=0.5)
            for rate, gradient in zip([0.5, 0.25, 0.0625, 0.125], g):
                optimizer.param_groups[0]["lr"] = rate
                p.grad = gradient
                optimizer.step()
            p
        """,
        names=("keras.optimizers.SGD", "torch.optim.SGD"),
        gradients=False,
        difference="D161",
    ),
    rule(
        "gradient descent with Nesterov's momentum",
        "SGD(0.125, momentum=0.5, nesterov=True)",
        "SGD([p], lr=0.125, momentum=0.5, nesterov=True)",
        "nesterov=True on both sides; equal while the rate stays",
        without=("SGD([p], lr=0.125, momentum=0.5)",),
        difference="D162",
    ),
    rule(
        "gradient descent with weight decay",
        "SGD(0.125, weight_decay=0.25)",
        "SGD([p], lr=0.125, weight_decay=0.25)",
        "without momentum only: Keras takes the decay from the weight, PyTorch adds it to the gradient",
        difference="D163",
    ),
    Row(
        "gradient descent with momentum and weight decay",
        steps("keras.optimizers.SGD(0.125, momentum=0.5, weight_decay=0.25)"),
        """
            p = torch.nn.Parameter(w.clone())
            optimizer = torch.optim.SGD([p], lr=0.125, momentum=0.5)
            for gradient in g:
                p.grad = gradient
                p.data *= 1 - 0.125 * 0.25
                optimizer.step()
            p
        """,
        "decay by hand: PyTorch's goes through the momentum",
        without=steps("torch.optim.SGD([p], lr=0.125, momentum=0.5, weight_decay=0.25)"),
        names=("keras.optimizers.SGD", "torch.optim.SGD"),
        gradients=False,
        difference="D163",
    ),
    rule(
        "Adam",
        "Adam(0.125, beta_1=0.875, beta_2=0.96875, epsilon=1e-15)",
        "Adam([p], lr=0.125, betas=(0.875, 0.96875), eps=1e-15)",
        "a tiny epsilon: Keras adds it before the bias correction, PyTorch after it, and no two of them agree",
        without=(
            "Adam(0.125, beta_1=0.875, beta_2=0.96875, epsilon=0.01)",
            "Adam([p], lr=0.125, betas=(0.875, 0.96875), eps=0.01)",
        ),
        difference="D158",
    ),
    Row(
        "Adam on an embedding with an id that comes twice",
        """
            v = tf.Variable(table)
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(tf.square(tf.gather(v, rows)))
            gradient = tf.convert_to_tensor(tape.gradient(loss, v))
            optimizer = keras.optimizers.Adam(0.125, beta_1=0.875, beta_2=0.96875, epsilon=1e-15)
            optimizer.apply([gradient], [v])
            v
        """,
        """
            p = torch.nn.Parameter(table.clone())
            loss = torch.sum(torch.square(p[rows]))
            loss.backward()
            optimizer = torch.optim.Adam([p], lr=0.125, betas=(0.875, 0.96875), eps=1e-15)
            optimizer.step()
            p
        """,
        "convert_to_tensor: given tf.IndexedSlices, Keras squares gradients of one row before it adds them",
        without="""
            v = tf.Variable(table)
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(tf.square(tf.gather(v, rows)))
            optimizer = keras.optimizers.Adam(0.125, beta_1=0.875, beta_2=0.96875, epsilon=1e-15)
            optimizer.apply([tape.gradient(loss, v)], [v])
            v
        """,
        names=("keras.optimizers.Adam", "tf.convert_to_tensor", "torch.optim.Adam"),
        gradients=False,
        difference="D177",
    ),
    Row(
        "Adam with an epsilon that counts",
        steps("keras.optimizers.Adam(0.125, beta_1=0.875, beta_2=0.96875, epsilon=0.01)"),
        """
            p = torch.nn.Parameter(w.clone())
            optimizer = torch.optim.Adam([p], lr=0.125, betas=(0.875, 0.96875))
            for step, gradient in enumerate(g, 1):
                p.grad = gradient
                optimizer.param_groups[0]["eps"] = 0.01 / (1 - 0.96875**step) ** 0.5
                optimizer.step()
            p
        """,
        "eps = epsilon / sqrt(1 - beta_2**step) at each step",
        without=steps("torch.optim.Adam([p], lr=0.125, betas=(0.875, 0.96875), eps=0.01)"),
        names=("keras.optimizers.Adam", "torch.optim.Adam"),
        gradients=False,
        difference="D158",
    ),
    rule(
        "AMSGrad",
        "Adam(0.125, beta_1=0.875, beta_2=0.96875, epsilon=1e-15, amsgrad=True)",
        "Adam([p], lr=0.125, betas=(0.875, 0.96875), eps=1e-15, amsgrad=True)",
        "Keras corrects the maximum, PyTorch as well: equal but for epsilon",
        without=("Adam([p], lr=0.125, betas=(0.875, 0.96875), eps=1e-15)",),
        difference="D170",
    ),
    rule(
        "AdamW",
        "AdamW(0.125, weight_decay=0.25, beta_1=0.875, beta_2=0.96875, epsilon=1e-15)",
        "AdamW([p], lr=0.125, betas=(0.875, 0.96875), eps=1e-15, weight_decay=0.25)",
        "the decay: 0.004 by default in Keras, 0.01 in PyTorch",
        without=(
            "AdamW(0.125, beta_1=0.875, beta_2=0.96875, epsilon=1e-15)",
            "AdamW([p], lr=0.125, betas=(0.875, 0.96875), eps=1e-15)",
        ),
        difference="D165",
    ),
    rule(
        "Adam with weight decay",
        "Adam(0.125, weight_decay=0.25, beta_1=0.875, beta_2=0.96875, epsilon=1e-15)",
        "AdamW([p], lr=0.125, betas=(0.875, 0.96875), eps=1e-15, weight_decay=0.25)",
        "AdamW: Keras' Adam decays the weight itself, PyTorch's adds to the gradient",
        without=("Adam([p], lr=0.125, betas=(0.875, 0.96875), eps=1e-15, weight_decay=0.25)",),
        difference="D164",
    ),
    rule(
        "RMSprop",
        "RMSprop(0.125, rho=0.875, epsilon=1e-15)",
        "RMSprop([p], lr=0.125, alpha=0.875, eps=1e-15)",
        "a tiny epsilon: within the root in Keras, outside in PyTorch; the decay is 0.9 or 0.99 by default",
        without=("RMSprop(0.125, rho=0.875, epsilon=0.01)", "RMSprop([p], lr=0.125, eps=1e-15)"),
        difference="D159",
    ),
    rule(
        "RMSprop with momentum",
        "RMSprop(0.125, rho=0.875, momentum=0.5, epsilon=1e-15)",
        "RMSprop([p], lr=0.125, alpha=0.875, momentum=0.5, eps=1e-15)",
        "equal while the rate stays, which Keras keeps in the velocity",
        difference="D160",
    ),
    rule(
        "RMSprop, centered",
        "RMSprop(0.125, rho=0.875, centered=True, epsilon=1e-15)",
        "RMSprop([p], lr=0.125, alpha=0.875, centered=True, eps=1e-15)",
        "centered=True on both sides, a tiny epsilon",
        without=("RMSprop([p], lr=0.125, alpha=0.875, eps=1e-15)",),
        difference="D183",
    ),
    rule(
        "Adagrad",
        "Adagrad(0.125, initial_accumulator_value=0.25, epsilon=1e-15)",
        "Adagrad([p], lr=0.125, initial_accumulator_value=0.25, eps=1e-15)",
        "the accumulator starts at 0.1 in Keras, at 0 in PyTorch",
        without=("Adagrad(0.125, epsilon=1e-15)", "Adagrad([p], lr=0.125, eps=1e-15)"),
        difference="D166",
    ),
    rule(
        "Adadelta",
        "Adadelta(0.125, rho=0.875, epsilon=0.0009765625)",
        "Adadelta([p], lr=0.125, rho=0.875, eps=0.0009765625)",
        "all three: the rate is 0.001 by default in Keras, 1 in PyTorch",
        without=("Adadelta()", "Adadelta([p])"),
        difference="D167",
    ),
    rule(
        "Adamax",
        "Adamax(0.125, beta_1=0.875, beta_2=0.96875, epsilon=0.0)",
        "Adamax([p], lr=0.125, betas=(0.875, 0.96875), eps=0.0)",
        "no epsilon: added to the maximum in Keras, within it in PyTorch",
        without=("Adamax(0.125, beta_1=0.875, beta_2=0.96875, epsilon=0.01)",),
        difference="D168",
    ),
    rule(
        "Nadam",
        "Nadam(0.125, beta_1=0.875, beta_2=0.96875, epsilon=1e-15)",
        "NAdam([p], lr=0.125, betas=(0.875, 0.96875), eps=1e-15, momentum_decay=1.0)",
        "momentum_decay=1.0: PyTorch's default 0.004 is another schedule",
        without=("NAdam([p], lr=0.125, betas=(0.875, 0.96875), eps=1e-15)",),
        within=1e-7,
        difference="D169",
    ),
    Row(
        "one step by hand",
        """
            v = tf.Variable(w)
            v.assign_sub(0.125 * g[0])
            v
        """,
        """
            p = torch.nn.Parameter(w.clone())
            with torch.no_grad():
                p -= 0.125 * g[0]
            p
        """,
        "under no_grad",
        names=("tf.Variable", "torch.no_grad"),
        gradients=False,
    ),
    Row(
        "gradients clipped by the norm of all",
        "tf.clip_by_global_norm([w, g[0]], 0.5)[0]",
        """
            p, q = torch.nn.Parameter(w), torch.nn.Parameter(w)
            p.grad, q.grad = w.clone(), g[0].clone()
            torch.nn.utils.clip_grad_norm_([p, q], 0.5)
            p.grad, q.grad
        """,
        "PyTorch adds 1e-6 to the norm",
        within=1e-5,
        gradients=False,
        difference="D171",
    ),
    Row(
        "gradient clipped by its norm",
        ("tf.clip_by_norm(w, 0.5)", "w * tf.minimum(1.0, 0.5 / tf.norm(w))"),
        "w * torch.clamp(0.5 / torch.linalg.vector_norm(w), max=1.0)",
        names=("tf.clip_by_norm", "torch.linalg.vector_norm"),
    ),
    Row(
        "gradients clipped each by its norm, in the optimizer",
        """
            v, u = tf.Variable(w), tf.Variable(w)
            keras.optimizers.SGD(1.0, clipnorm=0.5).apply([w, g[0]], [v, u])
            v, u
        """,
        "w - w * 0.5 / w.norm(), w - g[0] * 0.5 / g[0].norm()",
        "clipnorm is of each variable, global_clipnorm of all, as clip_grad_norm_",
        without="""
            v, u = tf.Variable(w), tf.Variable(w)
            keras.optimizers.SGD(1.0, global_clipnorm=0.5).apply([w, g[0]], [v, u])
            v, u
        """,
        names="keras.optimizers.SGD",
        gradients=False,
        difference="D171",
    ),
    Row(
        "norm of all gradients",
        "tf.linalg.global_norm([w, g[0]])",
        "torch.nn.utils.get_total_norm([w, g[0]])",
        gradients=False,
    ),
    Row(
        "gradients clipped by value",
        "tf.clip_by_value(w, -0.5, 0.5)",
        """
            p = torch.nn.Parameter(w)
            p.grad = w.clone()
            torch.nn.utils.clip_grad_value_([p], 0.5)
            p.grad
        """,
        names=("tf.clip_by_value", "torch.nn.utils.clip_grad_value_"),
        gradients=False,
    ),
    Row(
        "moving average of weights",
        """
            average = tf.train.ExponentialMovingAverage(0.75)
            v = tf.Variable(w)
            average.apply([v])
            for gradient in g:
                v.assign_sub(gradient)
                average.apply([v])
            average.average(v)
        """,
        """
            model = torch.nn.Linear(2, 3, bias=False)
            model.weight.data = w.clone()
            rule = torch.optim.swa_utils.get_ema_multi_avg_fn(0.75)
            average = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=rule)
            average.update_parameters(model)
            for gradient in g:
                model.weight.data -= gradient
                average.update_parameters(model)
            average.module.weight
        """,
        "update once before training: PyTorch's first update copies",
        without="""
            model = torch.nn.Linear(2, 3, bias=False)
            model.weight.data = w.clone()
            rule = torch.optim.swa_utils.get_ema_multi_avg_fn(0.75)
            average = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=rule)
            for gradient in g:
                model.weight.data -= gradient
                average.update_parameters(model)
            average.module.weight
        """,
        names=("tf.train.ExponentialMovingAverage", "torch.optim.swa_utils.AveragedModel"),
        gradients=False,
        difference="D050",
    ),
    schedule(
        "rate that falls in steps",
        "ExponentialDecay(0.5, 3, 0.5, staircase=True)",
        "StepLR(optimizer, 3, gamma=0.5)",
        "staircase=True: Keras' falls at every step otherwise",
        without=("ExponentialDecay(0.5, 3, 0.5)",),
        difference="D179",
    ),
    schedule(
        "rate that falls exponentially",
        "ExponentialDecay(0.5, 1, 0.75)",
        "ExponentialLR(optimizer, 0.75)",
        "decay_steps=1: gamma is of one step",
        without=("ExponentialDecay(0.5, 4, 0.75)",),
        difference="D179",
    ),
    schedule(
        "rate that falls at given steps",
        "PiecewiseConstantDecay([1, 4], [0.5, 0.25, 0.125])",
        "MultiStepLR(optimizer, [2, 5], gamma=0.5)",
        "a boundary belongs to the rate before it in Keras, to the one behind it in PyTorch",
        without=("MultiStepLR(optimizer, [1, 4], gamma=0.5)",),
    ),
    schedule(
        "rate that falls along a cosine",
        "CosineDecay(0.5, 7)",
        "CosineAnnealingLR(optimizer, 7)",
        "for so many steps: then Keras' stays, PyTorch's rises again",
        difference="D180",
    ),
    schedule(
        "rate that falls along a cosine, and starts again",
        "CosineDecayRestarts(0.5, 2, t_mul=2.0, m_mul=1.0)",
        "CosineAnnealingWarmRestarts(optimizer, 2, T_mult=2)",
    ),
    schedule(
        "rate that falls as a polynomial",
        "PolynomialDecay(0.5, 5, end_learning_rate=0.0, power=2.0)",
        "PolynomialLR(optimizer, 5, power=2.0)",
        "end_learning_rate=0.0: Keras ends at 0.0001",
        without=("PolynomialDecay(0.5, 5, power=2.0)",),
    ),
    schedule(
        "rate that falls by the inverse of time",
        "InverseTimeDecay(0.5, 1, 0.25)",
        "LambdaLR(optimizer, lambda step: 1 / (1 + 0.25 * step))",
    ),
    Row(
        "rate that falls where the loss does not",
        """
            model = keras.Sequential([keras.layers.Dense(1)])
            model.compile(keras.optimizers.SGD(0.5))
            callback = keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=3, min_delta=0.0)
            callback.set_model(model)
            callback.on_train_begin()
            found = []
            for epoch, loss in enumerate([4.0, 3.0, 3.0, 3.0, 3.0, 3.0, 2.0, 2.0, 2.0, 2.0]):
                callback.on_epoch_end(epoch, {"loss": loss})
                found.append(float(model.optimizer.learning_rate))
            found
        """,
        """
            optimizer = torch.optim.SGD([torch.nn.Parameter(w)], lr=0.5)
            schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=2, threshold=0.0)
            found = []
            for loss in [4.0, 3.0, 3.0, 3.0, 3.0, 3.0, 2.0, 2.0, 2.0, 2.0]:
                schedule.step(loss)
                found.append(optimizer.param_groups[0]["lr"])
            found
        """,
        "patience one less in PyTorch, whose rate falls a step later; thresholds are relative there, absolute in Keras",
        without="""
            optimizer = torch.optim.SGD([torch.nn.Parameter(w)], lr=0.5)
            schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=3, threshold=0.0)
            found = []
            for loss in [4.0, 3.0, 3.0, 3.0, 3.0, 3.0, 2.0, 2.0, 2.0, 2.0]:
                schedule.step(loss)
                found.append(optimizer.param_groups[0]["lr"])
            found
        """,
        names=("keras.callbacks.ReduceLROnPlateau", "torch.optim.lr_scheduler.ReduceLROnPlateau"),
        difference="D181",
    ),
)
