"""Policy gradients in plain NumPy: the package behind the course's notebooks.

Each module is a small set of pure functions, one per equation. Import the module you need:

    from course_utils import mdp, objectives, policy, returns

Importing ``course_utils`` itself loads nothing else. README.md lists every public name. The modules, in the order of
the lessons that meet them:

    01  policy           the softmax policy: log-probabilities, score, entropy, KL divergence, samples
    03  worlds           the MDPs that the lessons meet by name
    04  mdp              tabular MDPs and their exact answers: the oracle beside every sampled estimate
    05  rollout          many episodes at once, from an MDP or a Gymnasium environment
    05  estimators       gradient estimators, and their bias, variance and cosine against the oracle
    05  training         θ ← θ + α Σ w · score: REINFORCE and actor-critic, evaluation, SGD and Adam
    05  learning_curves  hundreds of runs of the book's REINFORCE at once
    07  returns          returns, reward-to-go, TD errors, GAE
    08  objectives       U(τ; θ), the A2C loss, PPO's clip, KL penalties, Bradley–Terry: value and gradient of each
    11  rlhf             RLHF in miniature: world, language model, reward model, PPO, its log, its sweeps, its clinic
    13  group_advantages  the advantages of RLOO, GRPO, Dr. GRPO and DAPO, and their weights of tokens

Under them, around them, and what makes them a course:

        kernels          the bare equations, each in one place; they check nothing
        arguments        the checks at every public function's door
        figures          static figures: palette, look, alt text
        diagrams         who sends what to whom, as SVG: agent, actor and critic, a PPO update, the stages of RLHF
        widgets          the labs: one Python and one JavaScript file each; quiz, map of the course
        checks           the questions that learners answer in code, and the mistakes they make
        grading          a class's problem sets: the students' code run alone, marks, feedback, gradebook
        misconceptions   the list of mistakes that questions, quizzes and faults cite
        lessons          the lessons in order: titles, questions, labs
        progress         the learner's own record
        progress_bar     a bar while a person watches
        data_files       reading and writing the course's data
        json_schema      checking a JSON data file, each fault with file and line
        stored_outputs   what a notebook shows where an optional package is missing
        installation     what is missing, and what to do about it
        build            installing, building and serving the course

Where new things go: a Gaussian policy into ``gaussian_policy.py`` with the names of ``policy`` (log_prob, score,
entropy, kl_divergence, sample); an objective into ``objectives``, as a named tuple of value, gradient and
intermediates, and its bare equation into ``kernels``; a world into ``worlds``; a lab into ``widgets`` as
``name_lab.py`` and ``name_lab.js``; a question into ``checks/questions``. CONTRIBUTING.md says how.
"""

__all__: list[str] = []

__version__ = "0.1.0"
