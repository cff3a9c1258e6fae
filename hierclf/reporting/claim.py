"""The items of CLAIM 2024, in words of our own, and where a report answers them."""

from __future__ import annotations

from hierclf.reporting.checklist import Checklist, Item

CLAIM = Checklist(
    "CLAIM 2024",
    "A. S. Tejani et al., Checklist for Artificial Intelligence in Medical Imaging "
    "(CLAIM): 2024 update, Radiology: Artificial Intelligence 6 (4), 2024, e240300",
    (
        Item("1", "Say in the title that it is AI, and of which kind", yours="title"),
        Item("2", "Summary of design, methods, results", yours="abstract"),
        Item("3", "Background, intended use and role", yours="background"),
        Item("4", "Aims and hypotheses", ("question",), "hypotheses"),
        Item("5", "Prospective or retrospective", yours="design of the study"),
        Item("6", "Goal of the study", ("question",), "why it was asked"),
        Item("7", "Sources of the data", ("data",), "where the scans come from"),
        Item("8", "Inclusion and exclusion", ("data",), "criteria before the data set"),
        Item("9", "Preprocessing", ("reproduce",), "what was done to the files before"),
        Item("10", "Choice of parts of the data", ("data",)),
        Item("11", "De-identification", yours="method"),
        Item("12", "Missing data", ("data", "subgroups"), "why data are missing"),
        Item("13", "How the images were acquired", yours="protocol, devices"),
        Item("14", "What the reference standard is", yours="definition"),
        Item("15", "Why this reference standard", yours="reasons"),
        Item("16", "Who annotated", yours="readers and their training"),
        Item("17", "How the test set was annotated", yours="method"),
        Item("18", "Variability within and between readers", yours="measure it"),
        Item("19", "How the data were parted", ("data", "reproduce")),
        Item("20", "Level at which the parts are disjoint", ("data",)),
        Item("21", "Intended sample size", ("data",), "reasons for the size"),
        Item("22", "The model in detail", ("models", "stages", "reproduce")),
        Item("23", "Software and versions", ("reproduce",)),
        Item("24", "Initial weights", ("reproduce",)),
        Item("25", "Training in detail", ("training", "features", "reproduce")),
        Item("26", "How the final model was chosen", ("models", "cut-point")),
        Item("27", "Ensembles", ("members",)),
        Item("28", "Metrics", ("models", "labels", "stages", "net-benefit")),
        Item("29", "Uncertainty and significance", ("models", "limits")),
        Item("30", "Robustness", ("cut-point", "subgroups"), "damaged and odd scans"),
        Item("31", "Explainability", ("features",), "whether maps are right"),
        Item("32", "Evaluation on internal data", ("data", "models")),
        Item(
            "33", "Testing on external data", yours="evaluate on a set from elsewhere"
        ),
        Item("34", "Registration of a trial", yours="number, if it is one"),
        Item("35", "Numbers included and excluded", ("data",)),
        Item("36", "Characteristics in each part", ("data",), "age, sex, comorbidity"),
        Item("37", "Performance on each part", ("models", "cut-point")),
        Item("38", "Accuracy and its precision", ("models", "stages", "patients")),
        Item(
            "39",
            "Failures looked at",
            ("mistakes", "labels"),
            "what they have in common",
        ),
        Item("40", "Limitations", ("limits",), "those of the study"),
        Item("41", "What it means for practice", yours="discussion"),
        Item("42", "Protocol and technical details", ("reproduce",), "the protocol"),
        Item(
            "43", "Software, model and data at hand", ("reproduce",), "where they are"
        ),
        Item("44", "Funding", yours="sources and their role"),
    ),
)
