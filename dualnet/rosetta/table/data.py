"""Random numbers, batches of data, models: their parameters, saving and training."""

from dualnet.rosetta.row import EXACT, STATISTICAL, Row

DENSE = {"kernel": "weight.T", "bias": "bias"}

ROWS = (
    Row(
        "seed",
        tf="""
            keras.utils.set_random_seed(7)
            first = tf.random.normal((5,))
            keras.utils.set_random_seed(7)
            tf.reduce_all(first == tf.random.normal((5,)))
        """,
        torch="""
            torch.manual_seed(7)
            first = torch.randn(5)
            torch.manual_seed(7)
            (first == torch.randn(5)).all()
        """,
        note="no seed gives the same numbers on both sides: draw them in NumPy",
        without="""
            first = torch.randn(5)
            (first == torch.randn(5)).all()
        """,
        names=("keras.utils.set_random_seed", "torch.manual_seed"),
        difference="D273",
    ),
    Row(
        "the same random numbers",
        tf="tf.constant(np.random.default_rng(0).standard_normal((5, 7)))",
        torch="torch.from_numpy(np.random.default_rng(0).standard_normal((5, 7)))",
        note="drawn in NumPy",
        without="torch.randn(5, 7)",
        names=("tf.constant", "torch.from_numpy"),
        within=EXACT,
        difference="D273",
    ),
    Row(
        "normal numbers",
        tf=(
            "tf.math.reduce_std(tf.random.normal((400, 300), 1.0, 2.0))",
            "tf.math.reduce_std(keras.random.normal((400, 300), 1.0, 2.0))",
        ),
        torch=("torch.normal(1.0, 2.0, (400, 300)).std()", "(1.0 + 2.0 * torch.randn(400, 300)).std()"),
        names=("tf.random.normal", "keras.random.normal", "torch.normal", "torch.randn"),
        within=STATISTICAL,
    ),
    Row(
        "uniform numbers",
        tf=("tf.reduce_mean(tf.random.uniform((400, 300)))", "tf.reduce_mean(keras.random.uniform((400, 300)))"),
        torch="torch.rand(400, 300).mean()",
        names=("tf.random.uniform", "keras.random.uniform", "torch.rand"),
        within=STATISTICAL,
    ),
    Row(
        "random integers",
        tf=(
            """
                numbers = tf.random.uniform((900,), 2, 7, tf.int64)
                tf.reduce_min(numbers), tf.reduce_max(numbers)
            """,
            """
                numbers = keras.random.randint((900,), 2, 7)
                tf.reduce_min(numbers), tf.reduce_max(numbers)
            """,
        ),
        torch="""
            numbers = torch.randint(2, 7, (900,))
            numbers.min(), numbers.max()
        """,
        note="the upper bound is left out on both sides",
        names=("tf.random.uniform", "keras.random.randint", "torch.randint"),
    ),
    Row(
        "truncated normal numbers",
        tf="tf.reduce_max(tf.abs(tf.random.truncated_normal((400, 300), stddev=0.5)))",
        torch="torch.nn.init.trunc_normal_(torch.empty(400, 300), std=0.5, a=-1.0, b=1.0).abs().max()",
        note="a=-2 * std, b=2 * std: PyTorch's bounds are absolute",
        without="torch.nn.init.trunc_normal_(torch.empty(400, 300), std=0.5).abs().max()",
        names=("tf.random.truncated_normal", "torch.nn.init.trunc_normal_"),
        within=STATISTICAL,
        difference="D057",
    ),
    Row(
        "random permutation",
        tf=("tf.sort(tf.random.shuffle(tf.range(11)))", "tf.sort(keras.random.shuffle(tf.range(11)))"),
        torch="torch.randperm(11).sort().values",
        names=("tf.random.shuffle", "keras.random.shuffle", "torch.randperm"),
    ),
    Row(
        "draws of classes",
        tf=(
            """
                classes = tf.random.categorical(tf.math.log([[0.75, 0.25]]), 20_000)
                tf.reduce_mean(tf.cast(classes, tf.float64))
            """,
            """
                classes = keras.random.categorical(tf.math.log([[0.75, 0.25]]), 20_000)
                tf.reduce_mean(tf.cast(classes, tf.float64))
            """,
        ),
        torch="""
            classes = torch.multinomial(torch.tensor([0.75, 0.25]), 20_000, replacement=True)
            classes.double().mean()
        """,
        note="logarithms in TensorFlow, probabilities in PyTorch; replacement=True",
        without=(
            """
                classes = tf.random.categorical([[0.75, 0.25]], 20_000)
                tf.reduce_mean(tf.cast(classes, tf.float64))
            """,
            """
                classes = torch.multinomial(torch.tensor([0.75, 0.25]), 20_000)
                classes.double().mean()
            """,
        ),
        names=("tf.random.categorical", "keras.random.categorical", "torch.multinomial"),
        within=STATISTICAL,
        difference="D274",
    ),
    Row(
        "coins",
        tf="tf.reduce_mean(tf.cast(keras.random.binomial((20_000,), 1, 0.25), tf.float64))",
        torch="torch.bernoulli(torch.full((20_000,), 0.25)).mean()",
        names=("keras.random.binomial", "torch.bernoulli"),
        within=STATISTICAL,
    ),
    Row(
        "gamma-distributed numbers",
        tf=(
            "tf.reduce_mean(tf.random.gamma((90_000,), 2.0, 4.0))",
            "tf.reduce_mean(keras.random.gamma((90_000,), 2.0)) / 4.0",
        ),
        torch="torch.distributions.Gamma(2.0, 4.0).sample((90_000,)).mean()",
        names=("tf.random.gamma", "keras.random.gamma", "torch.distributions.Gamma"),
        within=STATISTICAL,
    ),
    Row(
        "Poisson-distributed numbers",
        tf="tf.reduce_mean(tf.random.poisson((90_000,), 4.0))",
        torch="torch.poisson(torch.full((90_000,), 4.0)).mean()",
        names=("tf.random.poisson", "torch.poisson"),
        within=STATISTICAL,
    ),
    Row(
        "batches",
        tf="list(tf.data.Dataset.from_tensor_slices(x).batch(2))",
        torch="list(torch.utils.data.DataLoader(x, batch_size=2))",
        names=("tf.data.Dataset.from_tensor_slices", "torch.utils.data.DataLoader"),
        note="both keep the last, smaller batch",
        within=EXACT,
        gradients=False,
        difference="D288",
    ),
    Row(
        "batches of one size",
        tf="list(tf.data.Dataset.from_tensor_slices(x).batch(2, drop_remainder=True))",
        torch="list(torch.utils.data.DataLoader(x, batch_size=2, drop_last=True))",
        names=("tf.data.Dataset.from_tensor_slices", "torch.utils.data.DataLoader"),
        note="drop_remainder=True, drop_last=True",
        without="list(torch.utils.data.DataLoader(x, batch_size=2))",
        within=EXACT,
        gradients=False,
        difference="D288",
    ),
    Row(
        "batches of pairs",
        tf="list(tf.data.Dataset.from_tensor_slices((x, labels)).batch(2))",
        torch="list(torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, labels), batch_size=2))",
        names=("tf.data.Dataset.from_tensor_slices", "torch.utils.data.TensorDataset"),
        within=EXACT,
        gradients=False,
    ),
    Row(
        "shuffled as a whole",
        tf="""
            rows = list(tf.data.Dataset.range(1000).shuffle(1000))
            tf.reduce_mean(tf.cast(tf.stack(rows[:500]) >= 500, tf.float64))
        """,
        torch="""
            rows = list(torch.utils.data.DataLoader(range(1000), batch_size=None, shuffle=True))
            (torch.tensor(rows[:500]) >= 500).double().mean()
        """,
        note="a buffer as large as the data: a smaller one shuffles neighbours only",
        without="""
            rows = list(tf.data.Dataset.range(1000).shuffle(10))
            tf.reduce_mean(tf.cast(tf.stack(rows[:500]) >= 500, tf.float64))
        """,
        names=("tf.data.Dataset.range", "torch.utils.data.DataLoader"),
        within=0.1,
        difference="D282",
    ),
    Row(
        "function of each element of the data",
        tf="list(tf.data.Dataset.from_tensor_slices(x).map(tf.sin))",
        torch="[torch.sin(row) for row in torch.utils.data.DataLoader(x, batch_size=None)]",
        names=("tf.data.Dataset.from_tensor_slices", "torch.utils.data.DataLoader"),
        gradients=False,
    ),
    Row(
        "two data sets, one after the other",
        tf="list(tf.data.Dataset.from_tensor_slices(x).concatenate(tf.data.Dataset.from_tensor_slices(y)))",
        torch="list(torch.utils.data.ConcatDataset([torch.utils.data.TensorDataset(one) for one in (x, y)]))",
        names=("tf.data.Dataset.from_tensor_slices", "torch.utils.data.ConcatDataset"),
        within=EXACT,
        gradients=False,
    ),
    Row(
        "part of a data set",
        tf="list(tf.data.Dataset.from_tensor_slices(x).skip(1).take(3))",
        torch="list(torch.utils.data.Subset(x, range(1, 4)))",
        names=("tf.data.Dataset.from_tensor_slices", "torch.utils.data.Subset"),
        within=EXACT,
        gradients=False,
    ),
    Row(
        "sequences padded to one length",
        tf='keras.utils.pad_sequences([[1, 2, 3], [4, 5]], padding="post")',
        torch="torch.nn.utils.rnn.pad_sequence([torch.tensor([1, 2, 3]), torch.tensor([4, 5])], batch_first=True)",
        note='padding="post": Keras pads in front; batch_first=True',
        without=(
            "keras.utils.pad_sequences([[1, 2, 3], [4, 5]])",
            "torch.nn.utils.rnn.pad_sequence([torch.tensor([1, 2, 3]), torch.tensor([4, 5])])",
        ),
        difference="D281",
    ),
    Row(
        "number of parameters",
        tf="""
            layer = keras.layers.Dense(3)
            layer.build((None, 7))
            layer.count_params()
        """,
        torch="""
            layer = torch.nn.Linear(7, 3)
            sum(p.numel() for p in layer.parameters())
        """,
        names=("keras.layers.Dense", "torch.nn.Linear"),
    ),
    Row(
        "number of weights of batch normalization",
        tf="""
            layer = keras.layers.BatchNormalization()
            layer.build((None, 7))
            len(layer.get_weights())
        """,
        torch='len([name for name in torch.nn.BatchNorm1d(7).state_dict() if name != "num_batches_tracked"])',
        note="without num_batches_tracked",
        without="len(torch.nn.BatchNorm1d(7).state_dict())",
        names=("keras.layers.BatchNormalization", "torch.nn.BatchNorm1d"),
        difference="D315",
    ),
    Row(
        "weights frozen",
        tf="""
            layer = keras.layers.Dense(3)
            layer.build((None, 7))
            layer.trainable = False
            len(layer.trainable_weights)
        """,
        torch="""
            layer = torch.nn.Linear(7, 3)
            layer.requires_grad_(False)
            len([p for p in layer.parameters() if p.requires_grad])
        """,
        note="a frozen batch normalization of Keras evaluates as well: in PyTorch call eval",
        names=("keras.layers.Dense", "torch.nn.Linear"),
        difference="D035",
    ),
    Row(
        "frozen batch normalization",
        tf="""
            layer = keras.layers.BatchNormalization(epsilon=1e-5)
            layer.trainable = False
            layer(x, training=True)
        """,
        torch="""
            layer = torch.nn.BatchNorm1d(7)
            layer.eval().requires_grad_(False)
            layer(x)
        """,
        note="eval: Keras' frozen layer evaluates, PyTorch's trains on",
        without="""
            layer = torch.nn.BatchNorm1d(7)
            layer.requires_grad_(False)
            layer(x)
        """,
        weights={"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"},
        names=("keras.layers.BatchNormalization", "torch.nn.BatchNorm1d"),
        gradients=False,
        difference="D035",
    ),
    Row(
        "weights saved and loaded",
        tf="""
            import tempfile
            model = keras.Sequential([keras.Input((7,)), keras.layers.Dense(3, kernel_initializer="ones")])
            other = keras.models.clone_model(model)
            other.set_weights([0.0 * one for one in model.get_weights()])
            with tempfile.TemporaryDirectory() as folder:
                model.save_weights(f"{folder}/a.weights.h5")
                other.load_weights(f"{folder}/a.weights.h5")
            other(x)
        """,
        torch="""
            import io
            model, other = torch.nn.Linear(7, 3), torch.nn.Linear(7, 3)
            torch.nn.init.ones_(model.weight), torch.nn.init.zeros_(model.bias)
            file = io.BytesIO()
            torch.save(model.state_dict(), file)
            file.seek(0)
            other.load_state_dict(torch.load(file))
            other(x)
        """,
        names=("keras.Sequential", "torch.save", "torch.load"),
    ),
    Row(
        "one step of training",
        tf="""
            layer = keras.layers.Dense(3)
            layer(x)
            before = tf.identity(layer.kernel)
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(layer(x) - points))
            gradients = tape.gradient(loss, layer.trainable_variables)
            keras.optimizers.SGD(0.5).apply(gradients, layer.trainable_variables)
            tf.transpose(layer.kernel - before)
        """,
        torch="""
            layer = torch.nn.Linear(7, 3)
            before = layer.weight.detach().clone()
            optimizer = torch.optim.SGD(layer.parameters(), lr=0.5)
            optimizer.zero_grad()
            loss = torch.mean(torch.square(layer(x) - points))
            loss.backward()
            optimizer.step()
            layer.weight - before
        """,
        note="zero_grad: PyTorch adds gradients up",
        weights=DENSE,
        names=("tf.GradientTape", "keras.optimizers.SGD", "torch.optim.SGD"),
        gradients=False,
    ),
)
