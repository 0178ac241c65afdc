"""Losses and regularization.

Keras' losses take targets first, PyTorch's predictions. Here `x` are the logits, `y` the targets of a regression.
"""

from dualnet.rosetta.row import Row

ROWS = (
    Row(
        "cross-entropy of logits and labels",
        tf=(
            "keras.losses.SparseCategoricalCrossentropy(from_logits=True)(labels, x)",
            "tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, x))",
        ),
        torch=("torch.nn.CrossEntropyLoss()(x, labels)", "torch.nn.functional.cross_entropy(x, labels)"),
        note="from_logits=True: Keras expects probabilities by default",
        without="keras.losses.SparseCategoricalCrossentropy()(labels, x)",
        names=(
            "keras.losses.SparseCategoricalCrossentropy",
            "tf.nn.sparse_softmax_cross_entropy_with_logits",
            "torch.nn.CrossEntropyLoss",
            "torch.nn.functional.cross_entropy",
        ),
        difference="D116",
    ),
    Row(
        "cross-entropy of each row",
        tf=(
            "tf.nn.sparse_softmax_cross_entropy_with_logits(labels, x)",
            "keras.losses.sparse_categorical_crossentropy(labels, x, from_logits=True)",
        ),
        torch='torch.nn.functional.cross_entropy(x, labels, reduction="none")',
        note='reduction="none"',
        without="torch.nn.functional.cross_entropy(x, labels)",
    ),
    Row(
        "cross-entropy of logits and distributions",
        tf=(
            "keras.losses.CategoricalCrossentropy(from_logits=True)(p, x)",
            "tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(p, x))",
        ),
        torch="torch.nn.functional.cross_entropy(x, p)",
        note="from_logits=True: Keras expects probabilities by default",
        without="keras.losses.CategoricalCrossentropy()(p, x)",
        names=(
            "keras.losses.CategoricalCrossentropy",
            "tf.nn.softmax_cross_entropy_with_logits",
            "torch.nn.functional.cross_entropy",
        ),
        difference="D116",
    ),
    Row(
        "cross-entropy of probabilities",
        tf="keras.losses.SparseCategoricalCrossentropy(from_logits=False)(labels, q)",
        torch="torch.nn.NLLLoss()(torch.log(q), labels)",
        note="log: PyTorch's takes logarithms; Keras divides by the sum of each row, which changes gradients",
        without="torch.nn.CrossEntropyLoss()(q, labels)",
        gradients=False,
        difference="D122",
    ),
    Row(
        "cross-entropy of pixels",
        tf="keras.losses.SparseCategoricalCrossentropy(from_logits=True)(labels[:2, None] % 4, images[:, 0, :1])",
        torch="torch.nn.functional.cross_entropy(images[:, :, 0, :1], labels[:2, None] % 4)",
        note="classes are the last axis in Keras, the second in PyTorch",
        difference="D029",
    ),
    Row(
        "cross-entropy with smoothed labels",
        tf="keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.25)"
        "(tf.one_hot(labels, 7, dtype=tf.float64), x)",
        torch="torch.nn.CrossEntropyLoss(label_smoothing=0.25)(x, labels)",
        note="label_smoothing on both sides; Keras wants one-hot labels",
        without="torch.nn.CrossEntropyLoss()(x, labels)",
    ),
    Row(
        "cross-entropy without some rows",
        tf="keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=3)(labels, x)",
        torch="torch.nn.CrossEntropyLoss(ignore_index=3)(x, labels)",
        note="both divide by the number of the others",
        without="torch.nn.CrossEntropyLoss()(x, labels)",
        difference="D128",
    ),
    Row(
        "cross-entropy with weights of classes",
        tf='keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")'
        "(labels, x, sample_weight=tf.gather(class_weight, labels))",
        torch="torch.nn.CrossEntropyLoss(weight=class_weight.detach())(x, labels)",
        note='reduction="mean_with_sample_weight": PyTorch divides by the sum of the weights, Keras by the rows',
        without="keras.losses.SparseCategoricalCrossentropy(from_logits=True)"
        "(labels, x, sample_weight=tf.gather(class_weight, labels))",
        names=("keras.losses.SparseCategoricalCrossentropy", "torch.nn.CrossEntropyLoss"),
        gradients=False,
        difference="D127",
    ),
    Row(
        "binary cross-entropy of logits",
        tf=(
            "keras.losses.BinaryCrossentropy(from_logits=True)(hot, x)",
            "tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(hot, x))",
        ),
        torch=(
            "torch.nn.BCEWithLogitsLoss()(x, hot)",
            "torch.nn.functional.binary_cross_entropy_with_logits(x, hot)",
        ),
        note="from_logits=True: Keras expects probabilities by default",
        without=("keras.losses.BinaryCrossentropy()(hot, x)", "torch.nn.BCELoss()(torch.sigmoid(2 * x), hot)"),
        names=(
            "keras.losses.BinaryCrossentropy",
            "tf.nn.sigmoid_cross_entropy_with_logits",
            "torch.nn.BCEWithLogitsLoss",
            "torch.nn.functional.binary_cross_entropy_with_logits",
        ),
        difference="D116",
    ),
    Row(
        "binary cross-entropy of probabilities",
        tf="keras.losses.BinaryCrossentropy(from_logits=False)(hot, chances)",
        torch=("torch.nn.BCELoss()(chances, hot)", "torch.nn.functional.binary_cross_entropy(chances, hot)"),
        note="Keras clips to 1e-7, PyTorch logarithms to -100",
        difference="D132",
    ),
    Row(
        "binary cross-entropy with smoothed labels",
        tf="keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.25)(hot, x)",
        torch="torch.nn.BCEWithLogitsLoss()(x, 0.75 * hot + 0.125)",
        note="smooth by hand: towards one half",
        without="torch.nn.BCEWithLogitsLoss()(x, hot)",
        difference="D131",
    ),
    Row(
        "weighted binary cross-entropy of each element",
        tf="tf.nn.weighted_cross_entropy_with_logits(hot, x, pos_weight=2.0)",
        torch="torch.nn.BCEWithLogitsLoss(pos_weight=torch.tensor(2.0), reduction='none')(x, hot)",
        note="pos_weight on both sides",
        without="torch.nn.BCEWithLogitsLoss(reduction='none')(x, hot)",
        names=("tf.nn.weighted_cross_entropy_with_logits", "torch.nn.BCEWithLogitsLoss"),
    ),
    Row(
        "focal loss of each element",
        tf="""
            loss = keras.losses.BinaryFocalCrossentropy(from_logits=True, alpha=0.25, apply_class_balancing=True)
            loss(hot, x)
        """,
        torch='torchvision.ops.sigmoid_focal_loss(x, hot, alpha=0.25, gamma=2.0, reduction="mean")',
        note='apply_class_balancing=True: Keras leaves alpha out otherwise; reduction="mean"',
        without="keras.losses.BinaryFocalCrossentropy(from_logits=True, alpha=0.25)(hot, x)",
        difference="D141",
    ),
    Row(
        "mean squared error",
        tf=("keras.losses.MeanSquaredError()(y, x)", "tf.reduce_mean(keras.losses.mean_squared_error(y, x))"),
        torch=("torch.nn.MSELoss()(x, y)", "torch.nn.functional.mse_loss(x, y)"),
        names=(
            "keras.losses.MeanSquaredError",
            "keras.losses.mean_squared_error",
            "torch.nn.MSELoss",
            "torch.nn.functional.mse_loss",
        ),
        difference="D123",
    ),
    Row(
        "sum of squared errors",
        tf='7 * keras.losses.MeanSquaredError(reduction="sum")(y, x)',
        torch='torch.nn.MSELoss(reduction="sum")(x, y)',
        note="times the last axis: Keras sums the means of rows",
        without='keras.losses.MeanSquaredError(reduction="sum")(y, x)',
        difference="D124",
    ),
    Row(
        "squared error of each row",
        tf=('keras.losses.MeanSquaredError(reduction="none")(y, x)', "keras.losses.mean_squared_error(y, x)"),
        torch='torch.nn.MSELoss(reduction="none")(x, y).mean(-1)',
        note="mean(-1): PyTorch's is of each element",
        without='torch.nn.MSELoss(reduction="none")(x, y)',
        difference="D125",
    ),
    Row(
        "squared error of a column",
        tf="keras.losses.MeanSquaredError()(sample_weight, points[:, :1])",
        torch="torch.nn.MSELoss()(points[:, :1], sample_weight[:, None])",
        note="the same shape: PyTorch makes a matrix of a column and a row",
        without="torch.nn.MSELoss()(points[:, :1], sample_weight)",
        difference="D126",
    ),
    Row(
        "weighted mean squared error",
        tf="keras.losses.MeanSquaredError()(y, x, sample_weight=sample_weight)",
        torch="(sample_weight * torch.square(x - y).mean(1)).mean()",
        note="Keras divides by the number of rows, not by the sum of the weights",
        without="(sample_weight * torch.square(x - y).mean(1)).sum() / sample_weight.sum()",
        names="keras.losses.MeanSquaredError",
        difference="D150",
    ),
    Row(
        "mean absolute error",
        tf=("keras.losses.MeanAbsoluteError()(y, x)", "tf.reduce_mean(keras.losses.mean_absolute_error(y, x))"),
        torch=("torch.nn.L1Loss()(x, y)", "torch.nn.functional.l1_loss(x, y)"),
        names=(
            "keras.losses.MeanAbsoluteError",
            "keras.losses.mean_absolute_error",
            "torch.nn.L1Loss",
            "torch.nn.functional.l1_loss",
        ),
    ),
    Row(
        "mean absolute percentage error",
        tf="keras.losses.MeanAbsolutePercentageError()(y, x)",
        torch="100 * (torch.abs(x - y) / torch.abs(y)).mean()",
        names="keras.losses.MeanAbsolutePercentageError",
        note="times 100; Keras divides by 1e-7 at least",
        without="(torch.abs(x - y) / torch.abs(y)).mean()",
        difference="D151",
    ),
    Row(
        "mean squared logarithmic error",
        tf="keras.losses.MeanSquaredLogarithmicError()(positive, chances)",
        torch="torch.square(torch.log1p(chances) - torch.log1p(positive)).mean()",
        names="keras.losses.MeanSquaredLogarithmicError",
        difference="D151",
    ),
    Row(
        "huber loss",
        tf="keras.losses.Huber(delta=0.5)(y, x)",
        torch=("torch.nn.HuberLoss(delta=0.5)(x, y)", "torch.nn.functional.huber_loss(x, y, delta=0.5)"),
        note="SmoothL1Loss(beta) is the Huber loss divided by beta",
        without="torch.nn.SmoothL1Loss(beta=0.5)(x, y)",
        difference="D135",
    ),
    Row(
        "smooth absolute error",
        tf="keras.losses.Huber(delta=0.5)(y, x) / 0.5",
        torch="torch.nn.SmoothL1Loss(beta=0.5)(x, y)",
        note="/ beta",
        without="keras.losses.Huber(delta=0.5)(y, x)",
        difference="D135",
    ),
    Row(
        "logarithm of the hyperbolic cosine of errors",
        tf="keras.losses.LogCosh()(y, x)",
        torch="torch.log(torch.cosh(x - y)).mean()",
        names="keras.losses.LogCosh",
        within=1e-7,
    ),
    Row(
        "Kullback-Leibler divergence",
        tf="keras.losses.KLDivergence()(p, q)",
        torch=(
            'torch.nn.KLDivLoss(reduction="batchmean")(torch.log(q), p)',
            'torch.nn.functional.kl_div(torch.log(q), p, reduction="batchmean")',
        ),
        note='log of the predictions, which come first; reduction="batchmean", the default divides by all elements',
        without=(
            "torch.nn.KLDivLoss()(torch.log(q), p)",
            'torch.nn.KLDivLoss(reduction="batchmean")(q, p)',
            'torch.nn.KLDivLoss(reduction="batchmean")(torch.log(p), q)',
        ),
        difference="D133",
    ),
    Row(
        "Poisson loss",
        tf="keras.losses.Poisson()(hot, positive)",
        torch="torch.nn.PoissonNLLLoss(log_input=False, eps=1e-7)(positive, hot)",
        note="log_input=False, eps=1e-7: PyTorch expects the logarithm of the rate by default",
        without=(
            "torch.nn.PoissonNLLLoss()(positive, hot)",
            "torch.nn.PoissonNLLLoss(log_input=False, eps=1e-4)(positive, hot)",
        ),
        difference="D138",
    ),
    Row(
        "Poisson loss of logarithms of the rate",
        tf="tf.reduce_mean(tf.nn.log_poisson_loss(hot, x))",
        torch="torch.nn.PoissonNLLLoss()(x, hot)",
        names=("tf.nn.log_poisson_loss", "torch.nn.PoissonNLLLoss"),
    ),
    Row(
        "Gaussian negative log-likelihood",
        tf="tf.reduce_mean(tf.math.log(positive) + tf.math.squared_difference(x, y) / positive) / 2",
        torch="torch.nn.GaussianNLLLoss()(x, y, positive)",
        names="torch.nn.GaussianNLLLoss",
    ),
    Row(
        "hinge loss",
        tf="keras.losses.Hinge()(signs, x)",
        torch="torch.clamp(1 - signs * x, min=0).mean()",
        note="by hand: HingeEmbeddingLoss is another function",
        without="torch.nn.HingeEmbeddingLoss()(x, signs)",
        names="keras.losses.Hinge",
        difference="D139",
    ),
    Row(
        "squared hinge loss",
        tf="keras.losses.SquaredHinge()(signs, x)",
        torch="torch.square(torch.clamp(1 - signs * x, min=0)).mean()",
        names="keras.losses.SquaredHinge",
    ),
    Row(
        "hinge loss of classes",
        tf="keras.losses.CategoricalHinge()(tf.one_hot(labels, 7, dtype=tf.float64), x)",
        torch="""
            true = x.gather(1, labels[:, None])[:, 0]
            others = x.scatter(1, labels[:, None], 0.0).amax(1)
            torch.clamp(others - true + 1, min=0).mean()
        """,
        note="by hand, 0 in place of the true class: MultiMarginLoss sums over all classes",
        without="torch.nn.MultiMarginLoss()(x, labels)",
        names="keras.losses.CategoricalHinge",
        difference="D140",
    ),
    Row(
        "cosine similarity, as a loss",
        tf="keras.losses.CosineSimilarity()(y, x)",
        torch="-torch.nn.functional.cosine_similarity(x, y, dim=-1).mean()",
        note="-: Keras' loss is the negative similarity; dim=-1",
        without="torch.nn.functional.cosine_similarity(x, y, dim=-1).mean()",
        difference="D136",
    ),
    Row(
        "cosine similarity",
        tf="tf.reduce_sum(tf.math.l2_normalize(cube, -1) * tf.math.l2_normalize(x, -1), -1)",
        torch="torch.nn.functional.cosine_similarity(cube, x, dim=-1)",
        note="dim=-1: PyTorch takes axis 1 by default",
        without="torch.nn.functional.cosine_similarity(cube, x)",
        names=("tf.math.l2_normalize", "torch.nn.functional.cosine_similarity"),
        difference="D137",
    ),
    Row(
        "cosine embedding loss of equal pairs",
        tf="1 + keras.losses.CosineSimilarity()(y, x)",
        torch="torch.nn.CosineEmbeddingLoss()(x, y, torch.ones(5))",
        note="1 - cosine in PyTorch, -cosine in Keras",
        without="keras.losses.CosineSimilarity()(y, x)",
        difference="D136",
    ),
    Row(
        "distance of pairs",
        tf="tf.norm(points - others, axis=1)",
        torch=(
            "torch.nn.PairwiseDistance(eps=0.0)(points, others)",
            "torch.nn.functional.pairwise_distance(points, others, eps=0.0)",
        ),
        note="eps=0.0: PyTorch adds 1e-6 to the difference",
        without="torch.nn.PairwiseDistance()(points, others)",
        difference="D144",
    ),
    Row(
        "triplet loss",
        tf="tf.reduce_mean(tf.nn.relu(tf.norm(x - y, axis=1) - tf.norm(x - unit, axis=1) + 1.0))",
        torch="torch.nn.TripletMarginLoss(margin=1.0, eps=0.0)(x, y, unit)",
        note="eps=0.0: PyTorch adds 1e-6 to the differences",
        without="torch.nn.TripletMarginLoss(margin=1.0)(x, y, unit)",
        names="torch.nn.TripletMarginLoss",
        difference="D152",
    ),
    Row(
        "ranking loss",
        tf="tf.reduce_mean(tf.nn.relu(1.0 - signs * (x - y)))",
        torch="torch.nn.MarginRankingLoss(margin=1.0)(x, y, signs)",
        names="torch.nn.MarginRankingLoss",
    ),
    Row(
        "connectionist temporal classification",
        tf="""
            logits = tf.cast(sequence, tf.float32)
            words = [[1, 2], [3, 1]]
            tf.nn.ctc_loss(words, logits, [2, 2], [5, 5], logits_time_major=False, blank_index=0)
        """,
        torch="""
            steps = sequence.float().log_softmax(-1).transpose(0, 1)
            words = torch.tensor([[1, 2], [3, 1]])
            torch.nn.functional.ctc_loss(steps, words, [5, 5], [2, 2], reduction="none")
        """,
        note='log_softmax and time first; reduction="none": the mean divides losses by lengths; float32 in TensorFlow',
        without="""
            steps = sequence.float().log_softmax(-1).transpose(0, 1)
            torch.nn.functional.ctc_loss(steps, torch.tensor([[1, 2], [3, 1]]), [5, 5], [2, 2])
        """,
        names=("tf.nn.ctc_loss", "torch.nn.functional.ctc_loss"),
        within=1e-5,
        difference="D142",
    ),
    Row(
        "penalty of squared weights",
        tf="keras.regularizers.L2(0.25)(weight)",
        torch="0.25 * torch.sum(torch.square(weight))",
        note="no half: an optimizer's weight_decay of 2 * 0.25 has this gradient",
        without="0.25 * torch.sum(torch.square(weight)) / 2",
        names="keras.regularizers.L2",
        difference="D146",
    ),
    Row(
        "penalty of absolute weights",
        tf="keras.regularizers.L1(0.25)(weight)",
        torch="0.25 * torch.sum(torch.abs(weight))",
        names="keras.regularizers.L1",
    ),
    Row(
        "penalty of activations",
        tf="""
            layer = keras.layers.Dense(3, activity_regularizer=keras.regularizers.L2(0.25))
            (layer(x), layer.losses)[1]
        """,
        torch="""
            layer = torch.nn.Linear(7, 3)
            0.25 * torch.sum(torch.square(layer(x))) / 5
        """,
        note="divided by the number of rows",
        without="""
            layer = torch.nn.Linear(7, 3)
            0.25 * torch.sum(torch.square(layer(x)))
        """,
        weights={"kernel": "weight.T", "bias": "bias"},
        names=("keras.regularizers.L2", "torch.nn.Linear"),
        difference="D148",
    ),
    Row(
        "accuracy",
        tf=(
            """
                metric = keras.metrics.SparseCategoricalAccuracy()
                metric.update_state(columns[:, 0], x)
                metric.result()
            """,
            "tf.reduce_mean(tf.cast(tf.equal(tf.argmax(x, 1), columns[:, 0]), tf.float64))",
        ),
        torch="(x.argmax(1) == columns[:, 0]).double().mean()",
        names=("keras.metrics.SparseCategoricalAccuracy", "torch.Tensor.argmax"),
        gradients=False,
    ),
)
